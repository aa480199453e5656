// SPDX-License-Identifier: Apache-2.0
// Which instruction sets there are, and how FASTNTK_ISA chooses. Prints those that run here.
#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "check.h"
#include "cpu/isa/engine.h"

namespace {

using namespace fastntk::cpu;

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void names() {
  const std::vector<std::string> all = isa_names(), here = supported_isas();
  CHECK(!here.empty() && here.front() == "portable");
  std::cerr << "instruction sets:";
  for (const std::string& isa : all) {
    std::cerr << ' ' << (contains(here, isa) ? isa : "(" + isa + ")");
    if (!contains(here, isa))
      CHECK_THROWS(std::invalid_argument, engine<float>(isa));
  }
  std::cerr << '\n';
  for (const std::string& isa : here)
    CHECK(contains(all, isa));
}

void choice() {
  unsetenv("FASTNTK_ISA");
  CHECK_EQUAL(selected_isa(), supported_isas().back());
  setenv("FASTNTK_ISA", "", 1);
  CHECK_EQUAL(selected_isa(), supported_isas().back());
  for (const std::string& isa : supported_isas()) {
    setenv("FASTNTK_ISA", isa.c_str(), 1);
    CHECK_EQUAL(selected_isa(), isa);
  }
  setenv("FASTNTK_ISA", "abacus", 1);
  CHECK_THROWS(std::invalid_argument, selected_isa());
  CHECK_THROWS(std::invalid_argument, engine<double>("abacus"));
}

}  // namespace

int main() {
  names();
  choice();
  return test::summary();
}
