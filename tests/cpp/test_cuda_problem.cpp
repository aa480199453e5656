// SPDX-License-Identifier: Apache-2.0
// What the CUDA engine prepares in device memory, on an emulated GPU: against the CPU engine, whose
// double tables come from long double.
#include <cmath>
#include <stdexcept>

#include "cuda/emulation/order.h"
#include "cuda_problem_checks.h"
#include "rows.h"

namespace {

using namespace test;
using fastntk::Activation;
using fastntk::ActivationKind;

// Of all kinds of data, with both activations, symmetric and not.
void kinds() {
  constexpr long kCount = 90, kFirst = 70, kColumns = 141;
  for (const Kind& kind : all_kinds()) {
    const Rows rows(kind, kCount, kColumns, 11);
    const Samples all = rows.view(0, kCount), x = rows.view(0, kFirst),
                  y = rows.view(kFirst, kCount - kFirst);
    const double scale = kind.type == SampleType::kUint8 ? 1.0 / 255 : 0.7;
    for (const double bias : {0.0, 0.3}) {
      for (const int depth : {0, 1, 3, 20}) {
        check_case({kind_name(kind), all, nullptr, scale, network(depth, bias)});
        check_case(
            {kind_name(kind), x, &y, scale, network(depth, bias, 1.2, ActivationKind::kErf)});
      }
    }
  }
}

// So many pairs that a table is worth it.
void tables() {
  constexpr long kCount = 260, kColumns = 12;
  for (const Kind& kind : all_kinds()) {
    const Rows rows(kind, kCount, kColumns, 12);
    for (const ActivationKind activation : {ActivationKind::kRelu, ActivationKind::kErf}) {
      const double bias = kind.equal_norms ? 0.3 : 0.0;
      check_case({kind_name(kind), rows.view(0, kCount), nullptr, 1.0,
                  network(3, bias, 1.1, activation), kind.equal_norms});
    }
  }
}

void edges() {
  const auto bytes = [](long columns, const std::vector<double>& values) {
    return Rows(SampleType::kUint8, columns, values);
  };
  for (const SampleType type : {SampleType::kUint8, SampleType::kFloat32, SampleType::kFloat64}) {
    const Rows one(type, 1, {3}), zeros(type, 5, std::vector<double>(15, 0.0));
    const Samples x = one.view(0, 1), none = zeros.view(0, 3);
    for (const double bias : {0.0, 0.5}) {
      check_case({"one number", x, nullptr, 1.0, network(2, bias), true});
      check_case({"zeros", none, nullptr, 1.0, network(2, bias), true});
      check_case({"zeros", none, nullptr, 1.0, network(2, bias, 1.0, ActivationKind::kErf), true});
    }
  }
  const long wide = fastntk::kIntegerColumns + 1;
  for (const long columns : {wide - 1, wide}) {
    const Rows rows = bytes(columns, std::vector<double>(2 * columns, 255));
    check_case({"many columns", rows.view(0, 2), nullptr, 1.0, network(2, 0.1)});
  }
  const Rows few = bytes(3, {1, 0, 2, 0, 0, 3});
  check_case({"a large bias term", few.view(0, 2), nullptr, 1e-20, network(2, 1.0)});
}

// Rows of one number, so that norms are exact, at the ends of the types' ranges and beyond what
// doubles carry without loss.
void extremes() {
  const std::vector<double> doubles = {1e-300, 1e-200, 1e-155, 1e-140, 1e-100, 1e-5,
                                       1,      1e5,    1e100,  1e140,  0,      5e-324};
  const std::vector<double> floats = {1e-45, 1e-40, 1e-38, 1e-30, 1e-5, 1, 1e5, 1e30, 3e38, 0};
  for (const ActivationKind activation : {ActivationKind::kRelu, ActivationKind::kErf}) {
    for (const double weight_std : {1e-70, 1e-10, 1.0, 1e10}) {
      for (const double bias : {0.0, 1e-20, 1e15}) {
        for (const int depth : {0, 1, 2}) {
          const Network net = network(depth, bias, weight_std, activation);
          const Rows wide(SampleType::kFloat64, 1, doubles),
              narrow(SampleType::kFloat32, 1, floats);
          check_case({"doubles of all sizes", wide.view(0, static_cast<long>(doubles.size())),
                      nullptr, 1.0, net, true});
          check_case({"floats of all sizes", narrow.view(0, static_cast<long>(floats.size())),
                      nullptr, 1.0, net, true});
        }
      }
    }
  }
}

template <class P>
void check_infinite(const Samples& x) {
  for (const double bias : {0.0, 1e15}) {
    for (const int depth : {0, 2}) {
      const Network net = network(depth, bias, 1e10);
      const LimitingProblem<P> problem(x, nullptr, 1.0, net, {ntk_shares(net)}, gpu());
      CHECK_EQUAL(problem.largest_diagonal(), HUGE_VAL);
    }
  }
}

void not_finite() {
  // Finite data whose kernel is not.
  const Rows large(SampleType::kFloat64, 1, {1, 1e153});
  check_infinite<float>(large.view(0, 2));
  check_infinite<double>(large.view(0, 2));
  for (const double strange : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    for (const SampleType type : {SampleType::kFloat32, SampleType::kFloat64}) {
      const Network net = network(2, 0.1);
      const Rows good(type, 2, {1, 2, 3, 4}), bad(type, 2, {1, 2, strange, 4});
      const Samples x = good.view(0, 2), y = bad.view(0, 2);
      const auto prepare = [&](const Samples& rows, const Samples* cols) {
        LimitingProblem<double>(rows, cols, 1.0, net, {ntk_shares(net)}, gpu());
      };
      prepare(x, nullptr);
      CHECK_THROWS(std::invalid_argument, prepare(y, nullptr));
      CHECK_THROWS(std::invalid_argument, prepare(x, &y));
    }
  }
}

// Nothing depends on which block comes first.
void orders() {
  using fastntk::cuda::emulation::Order;
  const Rows rows({SampleType::kFloat32, true, false}, 300, 150, 13);
  for (const Order order : {Order::kBackward, Order::kShuffled}) {
    fastntk::cuda::emulation::set_order(order, 1);
    check_case({"another order", rows.view(0, 300), nullptr, 1.0, network(2, 0.1)});
  }
  fastntk::cuda::emulation::set_order(Order::kForward);
}

}  // namespace

int main() {
  kinds();
  tables();
  edges();
  extremes();
  not_finite();
  orders();
  return test::summary();
}
