#include "eval/peers/program_codec.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>

#include "eval/process.h"

namespace compass::eval {
namespace {

class ProgramCodec : public EvaluatedCodec {
 public:
  ProgramCodec(ProgramCodecSpec spec, PictureFiles files, std::string version)
      : spec_(std::move(spec)), files_(std::move(files)), version_(std::move(version)) {}

  std::string name() const override { return spec_.name; }
  StreamKind kind() const override { return StreamKind::kPicture; }
  std::string version() const override { return version_ + "; " + how(); }
  std::string how() const override {
    return replaced(fmt::format("{}; {}", fmt::join(spec_.encode, " "), fmt::join(spec_.decode, " ")),
                    "{setting}", "{}");
  }
  std::vector<std::string> settings() const override { return spec_.settings; }

  Result<Coded> run(const std::vector<Picture>& originals, const std::string& setting,
                    const std::string& directory) const override {
    const std::string input = directory + "/original" + spec_.input_extension;
    const std::string file = directory + "/coded" + spec_.file_extension;
    const std::string output = directory + "/decoded" + spec_.output_extension;
    if (Status status = files_.write(originals.front(), input); !status) return status.error();

    const Result<ProcessResult> encoded = run_process(fill(spec_.encode, input, file, setting));
    if (!encoded) return encoded.error();
    const Result<ProcessResult> decoded = run_process(fill(spec_.decode, file, output, setting));
    if (!decoded) return decoded.error();

    Coded coded;
    coded.encode_seconds = encoded->seconds;
    coded.encode_peak_kib = encoded->peak_kib;
    coded.decode_peak_kib = decoded->peak_kib;
    std::error_code error;
    const uint64_t bytes = std::filesystem::file_size(file, error);
    if (error) return Error{ErrorCode::kFailure, fmt::format("{} wrote no file", spec_.encode[0])};
    Result<Picture> picture = files_.read(output);
    if (!picture) return picture.error();
    coded.layers.push_back({bytes, std::move(*picture), decoded->seconds});
    return coded;
  }

 private:
  static std::vector<std::string> fill(std::vector<std::string> command, const std::string& in,
                                       const std::string& out, const std::string& setting) {
    for (std::string& word : command) {
      word = replaced(replaced(replaced(word, "{in}", in), "{out}", out), "{setting}", setting);
    }
    return command;
  }

  ProgramCodecSpec spec_;
  PictureFiles files_;
  std::string version_;
};

}  // namespace

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::string first_line_of(const std::vector<std::string>& command) {
  // Version options end with any status; a shell keeps the output whatever it is.
  std::vector<std::string> shell{"sh", "-c", "\"$@\" 2>&1 || true", "sh"};
  shell.insert(shell.end(), command.begin(), command.end());
  const Result<ProcessResult> result = run_process(shell, 10);
  if (!result) return {};
  const std::string& text = result->output;
  const size_t begin = text.find_first_not_of(" \r\n\t-");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_first_of("\r\n", begin) - begin);
}

Result<std::shared_ptr<const EvaluatedCodec>> make_program_codec(ProgramCodecSpec spec, PictureFiles files) {
  for (const std::string& program : {spec.encode.at(0), spec.decode.at(0)}) {
    if (find_program(program).empty()) {
      return Error{ErrorCode::kIo, fmt::format("{}: {} is not on the PATH (Debian: apt install {})",
                                               spec.name, program, spec.package)};
    }
  }
  std::string version = first_line_of(spec.version);
  return std::shared_ptr<const EvaluatedCodec>(
      std::make_shared<ProgramCodec>(std::move(spec), std::move(files), std::move(version)));
}

std::vector<ProgramCodecSpec> picture_program_specs() {
  return {
      {.name = "jpeg",
       .package = "libjpeg-turbo-progs",
       .encode = {"cjpeg", "-quality", "{setting}", "-optimize", "-progressive", "-outfile", "{out}", "{in}"},
       .decode = {"djpeg", "-outfile", "{out}", "{in}"},
       .version = {"cjpeg", "-version"},
       .input_extension = ".ppm",
       .file_extension = ".jpg",
       .output_extension = ".ppm",
       .settings = {"5", "10", "20", "35", "55", "75"}},
      {.name = "webp",
       .package = "webp",
       .encode = {"cwebp", "-quiet", "-m", "6", "-q", "{setting}", "{in}", "-o", "{out}"},
       .decode = {"dwebp", "-quiet", "{in}", "-ppm", "-o", "{out}"},
       .version = {"cwebp", "-version"},
       .input_extension = ".ppm",
       .file_extension = ".webp",
       .output_extension = ".ppm",
       .settings = {"1", "10", "25", "50", "75", "85"}},
      {.name = "jxl",
       .package = "libjxl-tools",
       .encode = {"cjxl", "{in}", "{out}", "-d", "{setting}", "-e", "7", "--num_threads=0", "--quiet"},
       .decode = {"djxl", "{in}", "{out}", "--num_threads=0", "--quiet"},
       .version = {"cjxl", "--version"},
       .input_extension = ".ppm",
       .file_extension = ".jxl",
       .output_extension = ".ppm",
       .settings = {"12", "8", "5", "3", "2", "1.2"}},
      {.name = "avif",
       .package = "libavif-bin",
       .encode = {"avifenc", "-c", "aom", "-s", "6", "-j", "1", "-y", "444", "--min", "0", "--max", "63",
                  "-a", "end-usage=q", "-a", "cq-level={setting}", "{in}", "{out}"},
       .decode = {"avifdec", "-j", "1", "{in}", "{out}"},
       .version = {"avifenc", "--version"},
       .input_extension = ".png",
       .file_extension = ".avif",
       .output_extension = ".png",
       .settings = {"60", "52", "44", "36", "30", "24"}},
      {.name = "heic",
       .package = "libheif-examples",
       .encode = {"heif-enc", "-q", "{setting}", "{in}", "-o", "{out}"},
       .decode = {"heif-convert", "{in}", "{out}"},
       .version = {"heif-enc", "--help"},
       .input_extension = ".png",
       .file_extension = ".heic",
       .output_extension = ".png",
       .settings = {"10", "18", "26", "34", "42", "50"}},
      // Irreversible 9/7 wavelets; the setting is the compression ratio, 24 bits over bits per pixel.
      {.name = "j2k",
       .package = "libopenjp2-tools",
       .encode = {"opj_compress", "-i", "{in}", "-o", "{out}", "-I", "-r", "{setting}"},
       .decode = {"opj_decompress", "-i", "{in}", "-o", "{out}"},
       .version = {"sh", "-c", "opj_compress -h | sed -n 's/.*against //p'"},
       .input_extension = ".ppm",
       .file_extension = ".j2k",
       .output_extension = ".ppm",
       .settings = {"240", "160", "120", "80", "48", "32", "24"}},
  };
}

}  // namespace compass::eval
