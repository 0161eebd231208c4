// Everything of mho that a C++ program needs.
#pragma once

#include <mho/aggregate.h>
#include <mho/array.h>
#include <mho/attribution.h>
#include <mho/check.h>
#include <mho/error.h>
#include <mho/evaluation.h>
#include <mho/formats.h>
#include <mho/io.h>
#include <mho/limits.h>
#include <mho/model.h>
#include <mho/parts.h>
#include <mho/report.h>
#include <mho/rows.h>
