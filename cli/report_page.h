// `mho report`: a result as one HTML page.
#pragma once

#include <mho/io.h>
#include <mho/report.h>

#include <string>
#include <vector>

#include "inputs.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own
class App;
}

namespace mho::cli {

struct PageArguments {
  std::string result;  ///< .npz to read
  std::vector<std::string> inputs;
  PictureArguments pictures;
  std::string labels;
  std::string evaluation;
  std::string title;
  std::string examples;
  std::string page = "report.html";
  std::string most = "32M";
  bool force = false;
};

CLI::App* declare_report(CLI::App& app, PageArguments& arguments);

/// Reads result and inputs and writes the page. Throws Error.
void run_report(const PageArguments& arguments);

}  // namespace mho::cli
