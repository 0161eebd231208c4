// Invariant: the sources keep the architecture of docs/ARCHITECTURE.md: arrows point down, vendors stay in their
// folder, the library neither prints nor ends the process, files stay short, and every operator has a test case.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <regex>

#include "architecture/source_tree.h"

namespace mho::architecture {
namespace {

constexpr std::size_t kMostLines = 500;

const std::vector<Source>& library_and_faces() {
  static const std::vector<Source> sources = read_sources(MHO_SOURCE_DIR, {"src", "include", "cli"});
  return sources;
}

Source with_include(std::string path, const std::string& line) { return parse_source(std::move(path), line + "\n"); }

TEST(Architecture, IncludesPointDownAndStayWithinPublicHeaders) {
  ASSERT_GT(library_and_faces().size(), 30u);
  for (const Source& source : library_and_faces()) {
    for (const std::string& wrong : include_violations(source)) ADD_FAILURE() << source.path << " " << wrong;
  }
}

TEST(Architecture, IncludesHaveNoCycles) { EXPECT_EQ(include_cycle(library_and_faces()), ""); }

TEST(Architecture, LibraryNeverPrintsExitsOrAborts) {
  for (const Source& source : library_and_faces()) {
    if (source.path.starts_with("cli/")) continue;
    for (const std::string& call : forbidden_calls(source)) ADD_FAILURE() << source.path << " has " << call;
  }
}

TEST(Architecture, FilesAreShort) {
  for (const Source& source :
       read_sources(MHO_SOURCE_DIR, {"src", "include", "cli", "tests", "bench", "fuzz", "examples"})) {
    EXPECT_LE(source.lines, kMostLines) << source.path << ": a file this long wants to be two";
  }
}

TEST(Architecture, EveryOperatorHasACaseInTheFileOfItsName) {
  std::map<std::string, std::string> cases;
  for (const Source& source : read_sources(MHO_SOURCE_DIR, {"tests/operators"})) cases[source.path] = source.text;
  const std::regex row("\\.type = (\"\\w+\")");
  std::size_t registered = 0;
  for (const Source& source : read_sources(MHO_SOURCE_DIR, {"src/onnx/ops"})) {
    const std::string file = "tests/operators" + source.path.substr(source.path.rfind('/'));
    for (std::sregex_iterator it(source.text.begin(), source.text.end(), row), end; it != end; ++it) {
      ++registered;
      EXPECT_NE(cases[file].find((*it)[1]), std::string::npos)
          << source.path << " registers " << (*it)[1] << "; " << file << " has no case of it";
    }
  }
  EXPECT_GT(registered, 100U);
}

// The rules themselves: each must reject what it is there to reject.

TEST(ArchitectureRules, RejectArrowsUp) {
  EXPECT_FALSE(include_violations(with_include("src/kernels/a.cpp", "#include \"graph/graph.h\"")).empty());
  EXPECT_FALSE(include_violations(with_include("src/onnx/ops/a.cpp", "#include \"engine/plan.h\"")).empty());
  EXPECT_FALSE(include_violations(with_include("src/io/a.cpp", "#include \"onnx/model.h\"")).empty());
  EXPECT_TRUE(include_violations(with_include("src/graph/a.cpp", "#include \"primitives/primitive.h\"")).empty());
}

TEST(ArchitectureRules, RejectHeadersThatBelongToAnotherFloorAlone) {
  EXPECT_FALSE(include_violations(with_include("src/engine/a.cpp", "#include \"kernels/cpu/device.h\"")).empty());
  EXPECT_FALSE(include_violations(with_include("src/engine/a.cpp", "#include \"onnx/lowering.h\"")).empty());
  EXPECT_FALSE(include_violations(with_include("src/attribution/a.cpp", "#include \"graph/passes/passes.h\"")).empty());
  EXPECT_TRUE(include_violations(with_include("src/kernels/cpu/a.cpp", "#include \"kernels/cpu/b.h\"")).empty());
}

TEST(ArchitectureRules, RejectVendorsAwayFromHome) {
  EXPECT_FALSE(include_violations(with_include("src/engine/a.cpp", "#include <oneapi/dnnl/dnnl.hpp>")).empty());
  EXPECT_FALSE(include_violations(with_include("src/engine/a.cpp", "#include <onnx/onnx_pb.h>")).empty());
  EXPECT_FALSE(include_violations(with_include("cli/a.cpp", "#include <png.h>")).empty());
  EXPECT_TRUE(include_violations(with_include("src/kernels/cpu/a.cpp", "#include <oneapi/dnnl/dnnl.hpp>")).empty());
}

TEST(ArchitectureRules, KeepPublicHeadersAndFacesToThePublicInterface) {
  EXPECT_FALSE(include_violations(with_include("include/mho/a.h", "#include <fmt/format.h>")).empty());
  EXPECT_FALSE(include_violations(with_include("include/mho/a.h", "#include \"graph/graph.h\"")).empty());
  EXPECT_FALSE(include_violations(with_include("cli/a.cpp", "#include \"graph/graph.h\"")).empty());
  EXPECT_TRUE(include_violations(with_include("include/mho/a.h", "#include <mho/error.h>\n#include <vector>")).empty());
}

TEST(ArchitectureRules, FindCycles) {
  EXPECT_EQ(include_cycle({with_include("src/graph/a.h", "#include \"graph/b.h\""),
                           with_include("src/graph/b.h", "#include \"graph/a.h\"")}),
            "graph/a.h -> graph/b.h -> graph/a.h");
}

TEST(ArchitectureRules, FindForbiddenCallsInCodeButNotInCommentsOrTexts) {
  EXPECT_EQ(forbidden_calls(parse_source("a.cpp", "std::abort();\n std::cout << 1; exit(1);")).size(), 3u);
  EXPECT_TRUE(forbidden_calls(parse_source("a.cpp", "// exit(1)\nf(\"abort(\"); /* std::cout */ on_exit(1);")).empty());
}

}  // namespace
}  // namespace mho::architecture
