# SPDX-License-Identifier: Apache-2.0
# Finds nvcc and enables the language CUDA with FASTNTK_CUDA=AUTO or ON.  Sets FASTNTK_NVCC_WORKS.
#
# nvcc is the one of CMAKE_CUDA_COMPILER or CUDACXX; with FASTNTK_PIP_NVCC=1 that of the PyPI packages, which
# pyproject.toml then asks for; else of CUDA_HOME or CUDA_PATH, of PATH, of /usr/local/cuda*, the newest first.
set(FASTNTK_NVCC_WORKS FALSE)

if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
  if("$ENV{FASTNTK_PIP_NVCC}" AND FASTNTK_PYTHON)
    execute_process(
      COMMAND ${Python_EXECUTABLE} -c "import nvidia; print(';'.join(nvidia.__path__))"
      OUTPUT_VARIABLE _wheels OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    list(TRANSFORM _wheels APPEND /cu13/bin)
  endif()
  file(GLOB _toolkits /usr/local/cuda-*/bin)
  list(SORT _toolkits COMPARE NATURAL ORDER DESCENDING)
  find_program(FASTNTK_NVCC nvcc
    HINTS ${_wheels} ENV CUDA_HOME ENV CUDA_PATH PATH_SUFFIXES bin
    PATHS /usr/local/cuda/bin ${_toolkits})
  mark_as_advanced(FASTNTK_NVCC)
  if(FASTNTK_NVCC)
    set(ENV{CUDACXX} "${FASTNTK_NVCC}")
  endif()
endif()

if(DEFINED CMAKE_CUDA_ARCHITECTURES OR DEFINED ENV{CUDAARCHS})
  set(_chosen TRUE)
else()
  set(_chosen FALSE)
  set(CMAKE_CUDA_ARCHITECTURES 90)  # for the trial; or else CMake would keep its own default in the cache
endif()
include(CheckLanguage)
check_language(CUDA)  # compiles something
if(CMAKE_CUDA_COMPILER)
  enable_language(CUDA)
  if(CMAKE_CUDA_COMPILER_VERSION VERSION_GREATER_EQUAL 12)
    set(FASTNTK_NVCC_WORKS TRUE)
  else()
    message(STATUS "nvcc ${CMAKE_CUDA_COMPILER_VERSION} is too old: fastntk needs 12 or later")
  endif()
endif()

if(FASTNTK_NVCC_WORKS)
  if(NOT _chosen AND CMAKE_CUDA_ARCHITECTURES_NATIVE MATCHES "^[0-9]")  # GPUs of this machine; elsewhere it may hold a message
    string(REPLACE "90-real" "90a-real" CMAKE_CUDA_ARCHITECTURES "${CMAKE_CUDA_ARCHITECTURES_NATIVE}")
  elseif(NOT _chosen)
    # Machine code for each of these, and instructions that a driver translates for those to come.
    set(CMAKE_CUDA_ARCHITECTURES 80-real 86-real 89-real 90a-real 90-virtual)
    if(CMAKE_CUDA_COMPILER_VERSION VERSION_GREATER_EQUAL 12.8)
      list(APPEND CMAKE_CUDA_ARCHITECTURES 100-real 120)
    endif()
  endif()
  set(CMAKE_CUDA_STANDARD 17)
  set(CMAKE_CUDA_STANDARD_REQUIRED ON)
  set(CMAKE_CUDA_EXTENSIONS OFF)
  set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
  set(CMAKE_CUDA_VISIBILITY_PRESET hidden)
elseif(FASTNTK_CUDA STREQUAL "ON")
  message(FATAL_ERROR "FASTNTK_CUDA=ON needs a working nvcc, 12 or later: name it in CUDACXX, or let pip bring it with "
                      "FASTNTK_PIP_NVCC=1")
endif()
