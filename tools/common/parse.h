// What users write on the command line, as values. Errors: kUsage, saying what was expected.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/size.h"

namespace compass::tools {

Result<Size> parse_size(const std::string& text);                    // "768x512"
Result<std::vector<Size>> parse_sizes(const std::string& text);      // "192x128,384x256"
Result<std::vector<double>> parse_scales(const std::string& text);   // "0.25,0.5,1"; "1/4,1/2,1" too
Result<std::vector<double>> parse_numbers(const std::string& text);  // "40,60.5,90"; one will do
Result<Rect> parse_rect(const std::string& text);                    // "X,Y,W,H"
Result<uint64_t> parse_amount(const std::string& text);  // "400000000", "400M", "1.5G"; k, M, G = 1000^n

// Whether the text is a number: whole and decimal ("-12"), or decimal and finite ("0.25", "1e3").
Status check_whole_number(const std::string& text);
Status check_decimal_number(const std::string& text);

}  // namespace compass::tools
