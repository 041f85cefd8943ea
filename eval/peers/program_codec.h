// Still-picture codecs that are a pair of programs: encode a file, decode a file.
#pragma once

#include <string>
#include <vector>

#include "eval/codec.h"

namespace compass::eval {

// Everything that tells one such codec from another. In the command lines, "{in}", "{out}" and "{setting}"
// stand for files and the rate setting.
struct ProgramCodecSpec {
  std::string name;
  std::string package;              // the Debian package that holds the programs
  std::vector<std::string> encode;  // [0] is the program
  std::vector<std::string> decode;
  std::vector<std::string> version;   // command that prints a version in its first lines
  std::string input_extension;        // what the encoder reads
  std::string file_extension;         // what it writes
  std::string output_extension;       // what the decoder is asked to write
  std::vector<std::string> settings;  // lowest rate first
};

// The codec, if its programs are there. Errors: kIo with a line that says which Debian package brings them.
Result<std::shared_ptr<const EvaluatedCodec>> make_program_codec(ProgramCodecSpec spec, PictureFiles files);

// JPEG (libjpeg-turbo), WebP (libwebp), JPEG XL (libjxl), AVIF (libavif, libaom), HEIC (libheif, x265) and
// JPEG 2000 (OpenJPEG), with the settings we compare at.
std::vector<ProgramCodecSpec> picture_program_specs();

// The first line a program prints, for version strings; its exit status does not matter. Empty if it cannot
// be started.
std::string first_line_of(const std::vector<std::string>& command);

// Replaces every occurrence of `from` in `text`.
std::string replaced(std::string text, const std::string& from, const std::string& to);

}  // namespace compass::eval
