// The table that `mho ops` prints names every primitive that can be made.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "harness.h"

namespace mho::primitives::testing {
namespace {

std::set<std::string> listed() {
  std::set<std::string> names;
  for (const PrimitiveFacts& row : all_primitives()) {
    std::string name;
    bool remark = false;  // "(constant exponent)"
    for (const char c : std::string(row.name) + ",") {
      if (c == '(') remark = true;
      if (c == ',' && !name.empty()) {
        names.insert(std::exchange(name, {}));
      } else if (!remark && c != ' ' && c != ',') {
        name += c;
      }
      if (c == ')') remark = false;
    }
  }
  return names;
}

TEST(Registry, NamesEveryPrimitive) {
  std::vector<PrimitivePtr> all = {make_where(),
                                   make_round_straight_through(),
                                   make_reshape({}),
                                   make_transpose({}),
                                   make_broadcast({}),
                                   make_cast(kReal),
                                   make_slice({}, {}),
                                   make_pad({}, {}, 0),
                                   make_concat(0),
                                   make_gather(0),
                                   make_scatter_add(1),
                                   make_top_k(0, 1, true),
                                   make_last_writer(1),
                                   make_softmax(0),
                                   make_log_softmax(0),
                                   make_normalization({}),
                                   make_attention({}),
                                   make_matmul(),
                                   make_convolution({}, {}),
                                   make_convolution_transpose({}, {}),
                                   make_pool_max({}),
                                   make_pool_average({}, true),
                                   make_reorder(kernels::Layout::plain)};
  for (int f = 0; f <= static_cast<int>(kernels::Unary::affine); ++f) {
    all.push_back(make_unary({static_cast<kernels::Unary>(f)}));
  }
  for (int f = 0; f <= static_cast<int>(kernels::Binary::logical_xor); ++f) {
    all.push_back(make_binary(static_cast<kernels::Binary>(f)));
  }
  for (int kind = 0; kind <= static_cast<int>(kernels::ReduceKind::min); ++kind) {
    all.push_back(make_reduce(static_cast<kernels::ReduceKind>(kind), {}));
  }
  const std::set<std::string> names = listed();
  for (const PrimitivePtr& primitive : all) {
    EXPECT_TRUE(names.contains(std::string(primitive->name()))) << primitive->name();
  }
}

}  // namespace
}  // namespace mho::primitives::testing
