// SPDX-License-Identifier: Apache-2.0
// Written by generate_arc_cosine_polynomials.py, which explains every line; do not edit.
// clang-format off
#pragma once

#include "common/macros.h"

namespace fastntk {

template <class T, int kOrder>
struct TailPolynomial;

template <>
struct TailPolynomial<float, 2> {
  // largest relative error 1.5e-9
  static constexpr int kQDegree = 5;
  FASTNTK_HD static constexpr float q(int i) {
    constexpr float kCoefficients[] = {4.32929293066, -8.13874329101, 6.69379268401, -3.20221609295, 1.00574703084, -0.201278358491};
    return kCoefficients[i];
  }
};

template <>
struct TailPolynomial<double, 2> {
  // largest relative error 2.1e-18
  static constexpr int kQDegree = 9;
  FASTNTK_HD static constexpr double q(int i) {
    constexpr double kCoefficients[] = {4.3292929348445527604, -8.1387444958755885472, 6.6938490413190254477, -3.2031826403780997948, 1.0132738929540441384, -0.22858541610773270079, 0.038706591839976632181, -0.0051057438455059123875, 0.00053785385380852189802, -0.000042756426002856896079};
    return kCoefficients[i];
  }
};

template <>
struct TailPolynomial<float, 3> {
  // largest relative error 3.3e-8
  static constexpr int kQDegree = 5;
  FASTNTK_HD static constexpr float q(int i) {
    constexpr float kCoefficients[] = {10.9873048795, -30.122265929, 38.1052968853, -29.5370567418, 15.5015015658, -4.98394580966};
    return kCoefficients[i];
  }
};

template <>
struct TailPolynomial<double, 3> {
  // largest relative error 4.5e-18
  static constexpr int kQDegree = 10;
  FASTNTK_HD static constexpr double q(int i) {
    constexpr double kCoefficients[] = {10.987305069432050684, -30.122320685938306013, 38.107863475112165904, -29.581264735678700937, 15.848604558850964728, -6.2652367742619724725, 1.910245012050384964, -0.46384026682297896849, 0.091873034713235930502, -0.014980229986292121997, 0.0017946485319188374273};
    return kCoefficients[i];
  }
};

}  // namespace fastntk
