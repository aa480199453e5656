// SPDX-License-Identifier: Apache-2.0
// Written by generate_angle_polynomials.py, which explains every line; do not edit.
// clang-format off
#pragma once

#include "common/macros.h"

namespace fastntk {

template <class T, int kLevel>
struct AnglePolynomials;

// cos theta >= 0.0
template <>
struct AnglePolynomials<float, 0> {
  // largest relative error 1.8e-8
  static constexpr int kPDegree = 7;
  FASTNTK_HD static constexpr float p(int i) {
    constexpr float kCoefficients[] = {0.636619765173, 0.106105130669, 0.0476707514594, 0.0295915218033, 0.0106458137456, 0.0481086783799, -0.0573803190282, 0.0698390784605};
    return kCoefficients[i];
  }
  // largest relative error 1.3e-9
  static constexpr int kQDegree = 4;
  FASTNTK_HD static constexpr float q(int i) {
    constexpr float kCoefficients[] = {1.64493406521, -1.62348452203, 0.572244945329, -0.104473125062, 0.0111859566097};
    return kCoefficients[i];
  }
};

// cos theta >= 0.0
template <>
struct AnglePolynomials<double, 0> {
  // largest relative error 2.0e-17
  static constexpr int kPDegree = 18;
  FASTNTK_HD static constexpr double p(int i) {
    constexpr double kCoefficients[] = {0.63661977236758135051, 0.10610329539458616993, 0.04774648293013283315, 0.028420525309492987151, 0.01934175864848766778, 0.014242192435665851826, 0.01105445967350167385, 0.0087873500009143777524, 0.0083995426345563115325, -0.0016696315137219309813, 0.050184057198391298562, -0.18928414394382130906, 0.6427308184320496044, -1.5877928850743875271, 2.9587214461296788853, -3.9699524188603434554, 3.6691382758747585801, -2.0891985556252462792, 0.56654509743261414267};
    return kCoefficients[i];
  }
  // largest relative error 2.3e-17
  static constexpr int kQDegree = 7;
  FASTNTK_HD static constexpr double q(int i) {
    constexpr double kCoefficients[] = {1.6449340668482264066, -1.6234848505666920028, 0.57225547236496857348, -0.1045913912295134165, 0.011730404530864384611, -0.00089056723506345347155, 0.000048804944969082013214, -1.9602325970225124863e-6};
    return kCoefficients[i];
  }
};

// cos theta >= 0.31831
template <>
struct AnglePolynomials<float, 1> {
  // largest relative error 3.7e-9
  static constexpr int kPDegree = 6;
  FASTNTK_HD static constexpr float p(int i) {
    constexpr float kCoefficients[] = {0.636619774166, 0.106102779933, 0.0477703120865, 0.0280135949944, 0.0225771509354, 0.00157644764456, 0.0332124644611};
    return kCoefficients[i];
  }
  // largest relative error 3.9e-8
  static constexpr int kQDegree = 3;
  FASTNTK_HD static constexpr float q(int i) {
    constexpr float kCoefficients[] = {1.64493401174, -1.62347365196, 0.571899319538, -0.100955640509};
    return kCoefficients[i];
  }
};

// cos theta >= 0.31831
template <>
struct AnglePolynomials<double, 1> {
  // largest relative error 1.7e-17
  static constexpr int kPDegree = 14;
  FASTNTK_HD static constexpr double p(int i) {
    constexpr double kCoefficients[] = {0.63661977236758135095, 0.10610329539458650101, 0.047746482929836330614, 0.028420525357359219726, 0.019341755286518574938, 0.014242324091750261927, 0.011051212974956204791, 0.0088414781820181040965, 0.0077616959804260818307, 0.0037959720728217759416, 0.015536588448107257155, -0.025392164016020344424, 0.063614038820328795094, -0.069023146759269617091, 0.047176584053135470612};
    return kCoefficients[i];
  }
  // largest relative error 5.3e-19
  static constexpr int kQDegree = 7;
  FASTNTK_HD static constexpr double q(int i) {
    constexpr double kCoefficients[] = {1.6449340668482264357, -1.623484850566706679, 0.5722554723661715381, -0.10459139126649930329, 0.011730405074483560371, -0.00089057136490810497744, 0.000048820647103056874719, -1.9839490188277678396e-6};
    return kCoefficients[i];
  }
};

// cos theta >= 0.493731
template <>
struct AnglePolynomials<float, 2> {
  // largest relative error 5.3e-9
  static constexpr int kPDegree = 5;
  FASTNTK_HD static constexpr float p(int i) {
    constexpr float kCoefficients[] = {0.636619769585, 0.106104084514, 0.0477106588329, 0.0290058349536, 0.0151385441585, 0.0272464657301};
    return kCoefficients[i];
  }
  // largest relative error 9.8e-9
  static constexpr int kQDegree = 3;
  FASTNTK_HD static constexpr float q(int i) {
    constexpr float kCoefficients[] = {1.64493405233, -1.62348072703, 0.57207220197, -0.101979114672};
    return kCoefficients[i];
  }
};

// cos theta >= 0.493731
template <>
struct AnglePolynomials<double, 2> {
  // largest relative error 1.9e-17
  static constexpr int kPDegree = 12;
  FASTNTK_HD static constexpr double p(int i) {
    constexpr double kCoefficients[] = {0.63661977236758135287, 0.10610329539458382639, 0.047746482930448540743, 0.028420525303437313312, 0.019341757675167797344, 0.014242264200856167572, 0.01105209782749941703, 0.0088341753825756246029, 0.0077822709676087521473, 0.0040054719895083677304, 0.012841609171715633038, -0.010970455677848259102, 0.020756357425878473987};
    return kCoefficients[i];
  }
  // largest relative error 3.8e-17
  static constexpr int kQDegree = 6;
  FASTNTK_HD static constexpr double q(int i) {
    constexpr double kCoefficients[] = {1.6449340668482263803, -1.6234848505666583803, 0.57225547235930564435, -0.10459139090050335093, 0.011730395784696486726, -0.00089045033372887885203, 0.000048038811409161874151};
    return kCoefficients[i];
  }
};

// cos theta >= 0.604826
template <>
struct AnglePolynomials<float, 3> {
  // largest relative error 2.3e-8
  static constexpr int kPDegree = 4;
  FASTNTK_HD static constexpr float p(int i) {
    constexpr float kCoefficients[] = {0.636619785019, 0.10610010412, 0.0478735696839, 0.0266841905498, 0.028597285503};
    return kCoefficients[i];
  }
  // largest relative error 3.3e-9
  static constexpr int kQDegree = 3;
  FASTNTK_HD static constexpr float q(int i) {
    constexpr float kCoefficients[] = {1.6449340619, -1.62348300905, 0.572148290009, -0.102591760921};
    return kCoefficients[i];
  }
};

// cos theta >= 0.604826
template <>
struct AnglePolynomials<double, 3> {
  // largest relative error 1.0e-17
  static constexpr int kPDegree = 11;
  FASTNTK_HD static constexpr double p(int i) {
    constexpr double kCoefficients[] = {0.63661977236758133765, 0.10610329539460478705, 0.047746482925669721415, 0.028420525730463020845, 0.019341737930690841756, 0.01424280401267146232, 0.011042717505747721407, 0.0089417902476519420048, 0.0069561174328906918419, 0.0082079929653557089572, -0.00075863841664918473811, 0.014392734715268747588};
    return kCoefficients[i];
  }
  // largest relative error 5.6e-18
  static constexpr int kQDegree = 6;
  FASTNTK_HD static constexpr double q(int i) {
    constexpr double kCoefficients[] = {1.644934066848226428, -1.6234848505666975815, 0.57225547236444665683, -0.10459139114458443966, 0.011730400987958466162, -0.00089050124655914179658, 0.000048225197152001921341};
    return kCoefficients[i];
  }
};

}  // namespace fastntk
