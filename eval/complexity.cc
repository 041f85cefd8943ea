#include "eval/complexity.h"

#include <fmt/format.h>

#include "eval/process.h"
#include "networks/liff.h"
#include "networks/networks.h"
#include "nn/context.h"

namespace compass::eval {

Complexity complexity_of(const std::shared_ptr<const Model>& model, const std::vector<Size>& sizes) {
  ThreadPool pool(1);
  nn::Context context(pool, Precision::kF32);
  Complexity sum;
  for (size_t k = 0; k < sizes.size(); ++k) {
    const compass::CodecKind kind = codec_of_layer(k);
    const CodecNetworks::Cost cost = CodecNetworks(model, kind, context).cost(sizes[k]);
    Liff::Cost liff, written;
    if (k > 0) {
      const Liff networks(model, context);
      liff = networks.cost(sizes[k - 1], sizes[k]);
      written = networks.cost_as_written(sizes[k - 1], sizes[k]);
    }
    const double prediction = liff.features + liff.mlp;
    const double filter =
        model->weights(kind).filter.empty() ? 0.0 : kFilterWeights * static_cast<double>(sizes[k].pixels());
    sum.decode += prediction + cost.h_s + cost.g_s + filter;
    sum.decode_as_written += written.features + written.mlp + cost.h_s + cost.g_s + filter;
    sum.encode += prediction + cost.g_a + cost.h_a + cost.h_s;
    // The next layer is predicted from what a decoder sees.
    if (k + 1 < sizes.size()) sum.encode += cost.g_s + filter;
  }
  const double scale = 1e-3 / static_cast<double>(sizes.back().pixels());
  return {sum.encode * scale, sum.decode * scale, sum.decode_as_written * scale};
}

std::string to_text(const Complexity& c) {
  std::string text = fmt::format("{:.1f} kMAC/px to encode, {:.1f} to decode", c.encode, c.decode);
  if (c.decode_as_written > c.decode)
    text += fmt::format(" ({:.1f} with LIFF as written)", c.decode_as_written);
  return text;
}

Result<PeakMemory> peak_memory_of(const std::string& program, const std::vector<std::string>& arguments,
                                  const Picture& picture, const std::vector<Size>& sizes,
                                  const PictureFiles& files) {
  const Result<Workspace> workspace = Workspace::create();
  if (!workspace) return workspace.error();
  const std::string input = workspace->file("in.ppm");
  const std::string coded = workspace->file("coded.cmps");
  if (Status status = files.write(picture, input); !status) return status.error();
  std::string list;
  for (const Size s : sizes) list += fmt::format("{}{}x{}", list.empty() ? "" : ",", s.width, s.height);

  std::vector<std::string> encode{program, "encode", input, coded, "--sizes", list, "--quiet"};
  encode.insert(encode.end(), arguments.begin(), arguments.end());
  const Result<ProcessResult> encoded = run_process(encode);
  if (!encoded) return encoded.error();
  std::vector<std::string> decode{program, "decode", coded, workspace->file("out.ppm"), "--quiet"};
  decode.insert(decode.end(), arguments.begin(), arguments.end());
  const Result<ProcessResult> decoded = run_process(decode);
  if (!decoded) return decoded.error();
  return PeakMemory{encoded->peak_kib, decoded->peak_kib};
}

}  // namespace compass::eval
