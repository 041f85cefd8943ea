#include "eval/peers/av1_layers.h"

#include <fmt/format.h>

#ifdef COMPASS_HAVE_AOM

#include <aom/aom_decoder.h>
#include <aom/aom_encoder.h>
#include <aom/aomcx.h>
#include <aom/aomdx.h>

#include "core/clock.h"
#include "eval/peers/ycbcr.h"
#include "eval/process.h"

namespace compass::eval {
namespace {

constexpr size_t kMaxLayers = 4;  // libaom's
constexpr int kSpeed = 5;         // --cpu-used; the slowest of realtime usage

struct ImageFree {
  void operator()(aom_image_t* image) const { aom_img_free(image); }
};
using Image = std::unique_ptr<aom_image_t, ImageFree>;

// A codec context that is destroyed with its owner.
struct Context {
  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() {
    if (open) aom_codec_destroy(&codec);
  }
  Error error(const char* what) {
    const char* detail = aom_codec_error_detail(&codec);
    return {ErrorCode::kFailure,
            fmt::format("av1-svc: {}: {}", what, detail != nullptr ? detail : aom_codec_error(&codec))};
  }
  aom_codec_ctx_t codec{};
  bool open = false;
};

// 4:4:4, full range: what AVIF files hold by default.
Image to_yuv(const Picture& picture) {
  Image image(aom_img_alloc(nullptr, AOM_IMG_FMT_I444, picture.size.width, picture.size.height, 32));
  if (!image) return image;
  image->range = AOM_CR_FULL_RANGE;
  for (int y = 0; y < picture.size.height; ++y) {
    for (int x = 0; x < picture.size.width; ++x) {
      const auto samples = ycbcr_of(picture.pixel(y, x));
      for (int plane = 0; plane < 3; ++plane) {
        image->planes[plane][y * image->stride[plane] + x] = to_byte(samples[plane]);
      }
    }
  }
  return image;
}

Picture to_rgb(const aom_image_t& image) {
  Picture picture(Size{static_cast<int>(image.d_w), static_cast<int>(image.d_h)});
  // libaom may hand out 8-bit samples in 16-bit words.
  const bool wide = (image.fmt & AOM_IMG_FMT_HIGHBITDEPTH) != 0;
  const auto sample = [&](int plane, int y, int x) -> double {
    const uint8_t* row = image.planes[plane] + static_cast<ptrdiff_t>(y) * image.stride[plane];
    return wide ? row[2 * x] + 256 * row[2 * x + 1] : row[x];
  };
  for (int y = 0; y < picture.size.height; ++y) {
    for (int x = 0; x < picture.size.width; ++x) {
      rgb_of(sample(0, y, x), sample(1, y, x), sample(2, y, x), picture.pixel(y, x));
    }
  }
  return picture;
}

struct Stream {
  std::vector<uint8_t> bytes;
  std::vector<size_t> ends;  // bytes to the end of each layer
};

Result<Stream> encode(const Picture& top, size_t layers, int quantiser) {
  static constexpr AOM_SCALING_MODE kScale[kMaxLayers] = {AOME_NORMAL, AOME_ONETWO, AOME_ONEFOUR,
                                                          AOME_ONEEIGHT};
  const Image image = to_yuv(top);
  if (!image) return Error{ErrorCode::kFailure, "av1-svc: out of memory"};
  Context encoder;
  // Realtime usage is where libaom supports spatial layers: in good quality, 3.6 crashes on the second layer.
  aom_codec_enc_cfg_t config;
  if (aom_codec_enc_config_default(aom_codec_av1_cx(), &config, AOM_USAGE_REALTIME) != AOM_CODEC_OK) {
    return Error{ErrorCode::kFailure, "av1-svc: libaom has no encoder"};
  }
  config.g_profile = 1;  // 4:4:4
  config.g_w = static_cast<unsigned>(top.size.width);
  config.g_h = static_cast<unsigned>(top.size.height);
  config.g_threads = 1;
  config.g_lag_in_frames = 0;
  config.g_limit = static_cast<unsigned>(layers);
  config.rc_end_usage = AOM_Q;
  config.rc_min_quantizer = 0;
  config.rc_max_quantizer = 63;
  if (aom_codec_enc_init(&encoder.codec, aom_codec_av1_cx(), &config, 0) != AOM_CODEC_OK) {
    return encoder.error("cannot open the encoder");
  }
  encoder.open = true;
  aom_codec_control(&encoder.codec, AOME_SET_CPUUSED, kSpeed);
  aom_codec_control(&encoder.codec, AOME_SET_CQ_LEVEL, quantiser);
  aom_codec_control(&encoder.codec, AV1E_SET_COLOR_RANGE, 1);
  aom_codec_control(&encoder.codec, AOME_SET_NUMBER_SPATIAL_LAYERS, static_cast<int>(layers));
  Stream stream;
  for (size_t layer = 0; layer < layers; ++layer) {
    const AOM_SCALING_MODE scale = kScale[layers - 1 - layer];
    aom_scaling_mode_t mode{scale, scale};
    aom_codec_control(&encoder.codec, AOME_SET_SPATIAL_LAYER_ID, static_cast<int>(layer));
    if (aom_codec_control(&encoder.codec, AOME_SET_SCALEMODE, &mode) != AOM_CODEC_OK) {
      return encoder.error("cannot scale");
    }
    // The first frame is the key frame; the others predict from the layer below and nothing else.
    const aom_enc_frame_flags_t flags = layer == 0 ? AOM_EFLAG_FORCE_KF
                                                   : AOM_EFLAG_NO_REF_LAST2 | AOM_EFLAG_NO_REF_LAST3 |
                                                         AOM_EFLAG_NO_REF_GF | AOM_EFLAG_NO_REF_ARF |
                                                         AOM_EFLAG_NO_REF_BWD | AOM_EFLAG_NO_REF_ARF2 |
                                                         AOM_EFLAG_NO_UPD_GF | AOM_EFLAG_NO_UPD_ARF;
    if (aom_codec_encode(&encoder.codec, image.get(), 0, 1, flags) != AOM_CODEC_OK) {
      return encoder.error("cannot encode");
    }
    aom_codec_iter_t iterator = nullptr;
    while (const aom_codec_cx_pkt_t* packet = aom_codec_get_cx_data(&encoder.codec, &iterator)) {
      if (packet->kind != AOM_CODEC_CX_FRAME_PKT) continue;
      const auto* data = static_cast<const uint8_t*>(packet->data.frame.buf);
      stream.bytes.insert(stream.bytes.end(), data, data + packet->data.frame.sz);
    }
    stream.ends.push_back(stream.bytes.size());
  }
  return stream;
}

// The last picture in a prefix of the stream.
Result<Picture> decode(std::span<const uint8_t> bytes) {
  Context decoder;
  aom_codec_dec_cfg_t config{};
  config.threads = 1;
  config.allow_lowbitdepth = 1;
  if (aom_codec_dec_init(&decoder.codec, aom_codec_av1_dx(), &config, 0) != AOM_CODEC_OK) {
    return decoder.error("cannot open the decoder");
  }
  decoder.open = true;
  aom_codec_control(&decoder.codec, AV1D_SET_OUTPUT_ALL_LAYERS, 1);
  if (aom_codec_decode(&decoder.codec, bytes.data(), bytes.size(), nullptr) != AOM_CODEC_OK) {
    return decoder.error("cannot decode");
  }
  aom_codec_iter_t iterator = nullptr;
  const aom_image_t* last = nullptr;
  while (const aom_image_t* image = aom_codec_get_frame(&decoder.codec, &iterator)) last = image;
  if (last == nullptr) return Error{ErrorCode::kFailure, "av1-svc: no picture came out"};
  return to_rgb(*last);
}

class Av1Layers : public EvaluatedCodec {
 public:
  std::string name() const override { return "av1-svc"; }
  StreamKind kind() const override { return StreamKind::kScalable; }
  std::string version() const override {
    return fmt::format("libaom {}; {}", aom_codec_version_str(), how());
  }
  std::string how() const override {
    return fmt::format(
        "libaom, one key frame and a frame per layer above it; 4:4:4 full-range BT.601, end-usage=q, "
        "cq-level={{}}, usage realtime, cpu-used={}",
        kSpeed);
  }
  std::vector<std::string> settings() const override { return {"60", "52", "44", "36", "28"}; }
  std::optional<std::string> ceiling() const override { return "1"; }

  Status accepts(const std::vector<Size>& sizes) const override {
    if (sizes.size() > kMaxLayers) {
      return Error{ErrorCode::kUsage,
                   fmt::format("av1-svc: {} layers, libaom knows {}", sizes.size(), kMaxLayers)};
    }
    for (size_t i = 0; i + 1 < sizes.size(); ++i) {
      if (sizes[i].width * 2 != sizes[i + 1].width || sizes[i].height * 2 != sizes[i + 1].height) {
        return Error{ErrorCode::kUsage, "av1-svc: layers must be exact halves of each other"};
      }
    }
    return {};
  }

  Result<Coded> run(const std::vector<Picture>& originals, const std::string& setting,
                    const std::string& directory) const override {
    const std::vector<Size> sizes = sizes_of(originals);
    if (Status status = accepts(sizes); !status) return status.error();
    Coded coded;
    const auto begin = Clock::now();
    const Result<Stream> stream = encode(originals.back(), originals.size(), std::atoi(setting.c_str()));
    coded.encode_seconds = seconds_since(begin);
    if (!stream) return stream.error();
    const std::string file = directory + "/coded.obu";
    if (Status status = write_file(file, stream->bytes.data(), stream->bytes.size()); !status)
      return status.error();
    const Result<std::vector<uint8_t>> bytes = read_file(file);
    if (!bytes) return bytes.error();
    for (size_t layer = 0; layer < originals.size(); ++layer) {
      const auto start = Clock::now();
      Result<Picture> picture = decode(std::span(*bytes).first(stream->ends[layer]));
      if (!picture) return picture.error();
      if (picture->size != sizes[layer]) {
        return Error{ErrorCode::kFailure, fmt::format("av1-svc: layer {} came out {} x {}", layer,
                                                      picture->size.width, picture->size.height)};
      }
      coded.layers.push_back({stream->ends[layer], std::move(*picture), seconds_since(start)});
    }
    return coded;
  }
};

}  // namespace

Result<std::shared_ptr<const EvaluatedCodec>> make_av1_layers() {
  return std::shared_ptr<const EvaluatedCodec>(std::make_shared<Av1Layers>());
}

}  // namespace compass::eval

#else

namespace compass::eval {

Result<std::shared_ptr<const EvaluatedCodec>> make_av1_layers() {
  return Error{ErrorCode::kIo,
               "av1-svc: built without libaom (Debian: apt install libaom-dev, and build again)"};
}

}  // namespace compass::eval

#endif
