// How exact the runtime is: prints the tables of docs/numerics.md as Markdown.
//
//   numerics GOLDEN_DIR MODEL TRAINING_WEIGHTS|- PHOTO...
//
//   1. every stage in f32 and bf16 against the reference implementation's tensors (GOLDEN_DIR: them and an
//      imported checkpoint);
//   2. every stage of MODEL in bf16 against f32, on the photos;
//   3. what bf16 costs in PSNR and rate on the photos;
//   4. what the integer scale network costs in bits against the same network in real numbers
//      (TRAINING_WEIGHTS: the trainer's unrounded parameters; -: leave this out).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "codec/decoder.h"
#include "codec/encoder.h"
#include "common/image_file.h"
#include "image/psnr.h"
#include "image/resize.h"
#include "interop/import_model.h"
#include "networks/liff.h"
#include "networks/networks.h"

namespace {

using namespace compass;

[[noreturn]] void fail(const std::string& message) {
  fmt::print(stderr, "numerics: {}\n", message);
  std::exit(1);
}

template <typename T>
T take(Result<T> result, const std::string& what) {
  if (!result) fail(what + ": " + result.error().message);
  return *std::move(result);
}

// Differences of one stage, gathered over pictures: in units of the right values' standard deviation.
struct Errors {
  double largest = 0.0;
  double sum_squares = 0.0;
  double count = 0.0;
  double rms() const { return count > 0 ? std::sqrt(sum_squares / count) : 0.0; }

  void add(const Tensor& have, const Tensor& want) {
    if (have.size() != want.size()) fail("a stage has another size than it should");
    const double n = static_cast<double>(want.size());
    const double mean = std::accumulate(want.data.begin(), want.data.end(), 0.0) / n;
    double spread = 0.0;
    for (const float v : want.data) spread += (v - mean) * (v - mean) / n;
    if (spread <= 0.0) return;  // a single value has none
    for (size_t i = 0; i < want.size(); ++i) {
      const double d = (static_cast<double>(have.data[i]) - want.data[i]) / std::sqrt(spread);
      largest = std::max(largest, std::abs(d));
      sum_squares += d * d;
    }
    count += n;
  }
};

struct Row {
  std::string name;
  Errors f32, bf16;
};

class Table {
 public:
  Errors& at(const std::string& stage, bool bf16) {
    auto row = std::find_if(rows_.begin(), rows_.end(), [&](const Row& r) { return r.name == stage; });
    if (row == rows_.end()) row = rows_.insert(rows_.end(), {stage, {}, {}});
    return bf16 ? row->bf16 : row->f32;
  }
  void print(bool with_f32) const {
    fmt::print("| stage |{} bf16 max | bf16 rms |\n|---|{}---|---|\n", with_f32 ? " f32 max | f32 rms |" : "",
               with_f32 ? "---|---|" : "");
    for (const Row& row : rows_) {
      fmt::print("| {} |", row.name);
      if (with_f32) fmt::print(" {:.1e} | {:.1e} |", row.f32.largest, row.f32.rms());
      fmt::print(" {:.1e} | {:.1e} |\n", row.bf16.largest, row.bf16.rms());
    }
  }

 private:
  std::vector<Row> rows_;
};

// Threads, precision and kernels to run networks on.
struct Machine {
  explicit Machine(bool bf16) : pool(0), context(pool, bf16 ? Precision::kBF16 : Precision::kF32) {}
  ThreadPool pool;
  nn::Context context;
};

// ---- 1: against the reference ----

Tensor golden_tensor(const Safetensors& file, const std::string& name) {
  const TensorView* view = file.find(name);
  if (view == nullptr || view->shape.size() != 4) fail("no tensor " + name);
  const auto values = take(view->floats(), name);
  Tensor out(static_cast<int>(view->shape[1]), static_cast<int>(view->shape[2]),
             static_cast<int>(view->shape[3]));
  size_t i = 0;
  for (int c = 0; c < out.channels; ++c) {
    for (int y = 0; y < out.height; ++y) {
      for (int x = 0; x < out.width; ++x) out.at(c, y, x) = values[i++];
    }
  }
  return out;
}

std::vector<int32_t> golden_symbols(const Safetensors& file, const std::string& name) {
  const TensorView* view = file.find(name);
  if (view == nullptr || view->shape.size() != 4) fail("no tensor " + name);
  const auto values = take(view->integers(), name);
  std::vector<int32_t> out(values.size());
  const int64_t channels = view->shape[1], area = view->shape[2] * view->shape[3];
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t p = 0; p < area; ++p) out[p * channels + c] = values[c * area + p];
  }
  return out;
}

void golden_case(const Safetensors& golden, const std::shared_ptr<const Model>& model, bool own_token,
                 bool bf16, Table& table) {
  Machine machine(bf16);
  for (const std::string layer : {"bl.", "el1.", "el2."}) {
    if (golden.find(layer + "x") == nullptr) continue;
    const std::string kind = layer == "bl." ? "base" : "enhancement";
    CodecNetworks networks(model, layer == "bl." ? CodecKind::kBase : CodecKind::kEnhancement,
                           machine.context);
    const auto tensor = [&](const char* name) { return golden_tensor(golden, layer + name); };
    const auto note = [&](const char* stage, const Tensor& have, const char* want) {
      table.at(kind + " " + stage, bf16).add(have, tensor(want));
    };
    const Tensor x = tensor("x");
    const Size picture{x.width, x.height};
    note("g_a: y", networks.analyse(x, nullptr, 0.0F), "y");
    note("h_a: z", networks.hyper_analyse(tensor("y")), "z");
    const HyperParameters hyper = networks.hyper_synthesise(golden_symbols(golden, layer + "z_sym"), picture);
    note("h_s: scales", hyper.scales, "scales");
    note("h_s: means", hyper.means, "means");
    note("g_s: x_hat", networks.synthesise(tensor("y_hat"), nullptr, 0.0F, picture), "x_hat");
  }
  Liff liff(model, machine.context);
  const auto size_of = [&](const std::string& name) {
    const auto hw = take(golden.find(name)->integers(), name);
    return Size{hw[1], hw[0]};
  };
  for (const std::string layer : {"liff1.", "liff2."}) {
    if (golden.find(layer + "in") == nullptr) continue;
    const Size target = size_of(layer + "target_hw");
    const Size token = own_token ? target : size_of("liff1.target_hw");
    table.at("LIFF: prediction", bf16)
        .add(liff.predict(golden_tensor(golden, layer + "in"), target, token),
             golden_tensor(golden, layer + "out"));
  }
}

void golden_table(const std::string& directory) {
  Table table;
  for (const std::string name : {"tiny_even", "tiny_odd", "tiny_frac", "tiny_same", "tiny_cellbug"}) {
    const bool own = name != "tiny_cellbug";
    auto checkpoint =
        take(Checkpoint::load(directory + "/ckpt_tiny_best_model_updated.pth.tar"), "checkpoint");
    const auto imported = take(
        import_checkpoint(checkpoint, nullptr, {.scale_token = own ? ScaleToken::kOwn : ScaleToken::kFirst}),
        "import");
    const auto model = take(Model::parse(imported.file), "model");
    const auto golden = take(Safetensors::load(directory + "/" + name + ".safetensors"), name);
    for (const bool bf16 : {false, true}) golden_case(golden, model, own, bf16, table);
  }
  table.print(true);
}

// ---- 2: the model on photos, bf16 against f32 ----

Tensor map_of(const Image& image) {
  Tensor map(3, image.height(), image.width());
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < map.height; ++y) {
      for (int x = 0; x < map.width; ++x) map.at(c, y, x) = image.row(c, y)[x];
    }
  }
  return map;
}

Tensor rounded_around(const Tensor& y, const Tensor& means) {
  Tensor y_hat = y;
  for (size_t i = 0; i < y.size(); ++i) {
    y_hat.data[i] = std::nearbyint(y.data[i] - means.data[i]) + means.data[i];
  }
  return y_hat;
}

// One codec's stages, each fed what f32 made of the ones before; returns f32's x_hat.
Tensor codec_stages(const std::shared_ptr<const Model>& model, CodecKind kind, Machine& f32, Machine& bf16,
                    const Tensor& x, const Tensor* prediction, float rate, Table& table) {
  const std::string name = kind == CodecKind::kBase ? "base" : "enhancement";
  CodecNetworks exact(model, kind, f32.context), coarse(model, kind, bf16.context);
  const Size picture{x.width, x.height};
  const Tensor* seen = exact.conditional() ? prediction : nullptr;
  const Tensor y = exact.analyse(x, seen, rate);
  table.at(name + " g_a: y", true).add(coarse.analyse(x, seen, rate), y);
  const Tensor z = exact.hyper_analyse(y);
  table.at(name + " h_a: z", true).add(coarse.hyper_analyse(y), z);
  const auto symbols = exact.quantise_hyper(z);
  const HyperParameters hyper = exact.hyper_synthesise(symbols, picture);
  const HyperParameters other = coarse.hyper_synthesise(symbols, picture);
  if (!model->codec(kind).h_scales.empty() && hyper.indexes != other.indexes) fail("scale indexes differ");
  table.at(name + " h_s: means", true).add(other.means, hyper.means);
  const Tensor y_hat = rounded_around(y, hyper.means);
  Tensor x_hat = exact.synthesise(y_hat, seen, rate, picture);
  table.at(name + " g_s: x_hat", true).add(coarse.synthesise(y_hat, seen, rate, picture), x_hat);
  return x_hat;
}

void photo_table(const std::shared_ptr<const Model>& model, const std::vector<Image>& photos) {
  Table table;
  Machine f32(false), bf16(true);
  for (const Image& photo : photos) {
    for (const double quality : {0.0, 50.0, 100.0}) {
      const float rate = model->rate_position(quality);
      const Size full = photo.size(), half{std::max(1, full.width / 2), std::max(1, full.height / 2)};
      const Tensor low =
          codec_stages(model, CodecKind::kBase, f32, bf16, map_of(resize(photo, half)), nullptr, rate, table);
      if (!model->layered()) continue;
      Liff exact(model, f32.context), coarse(model, bf16.context);
      Tensor prediction = exact.predict(low, full);
      table.at("LIFF: its part of the prediction", true).add(coarse.predict(low, full), prediction);
      if (exact.adds_bicubic()) {
        Image below(half);
        for (int c = 0; c < 3; ++c) {
          for (int y = 0; y < half.height; ++y) {
            for (int x = 0; x < half.width; ++x) below.row(c, y)[x] = low.at(c, y, x);
          }
        }
        const Tensor bicubic = map_of(resize(below, full));
        for (size_t i = 0; i < bicubic.size(); ++i) prediction.data[i] += bicubic.data[i];
      }
      Tensor residual = map_of(photo);
      for (size_t i = 0; i < residual.size(); ++i) residual.data[i] -= prediction.data[i];
      codec_stages(model, CodecKind::kEnhancement, f32, bf16, residual, &prediction, rate, table);
    }
  }
  table.print(false);
}

// ---- 3: what bf16 costs ----

struct Cost {
  double sum = 0.0, worst = 0.0;
  int count = 0;
  void add(double loss) {
    sum += loss;
    worst = std::max(worst, loss);
    ++count;
  }
  double mean() const { return sum / std::max(1, count); }
};

void bf16_table(const std::shared_ptr<const Model>& model, const std::vector<Image>& photos) {
  Encoder exact(model, {.precision = Precision::kF32}), coarse(model, {.precision = Precision::kBF16});
  Decoder decoder(model, {.precision = Precision::kBF16});
  const int layers = model->layered() ? 3 : 1;
  fmt::print(
      "| quality | layer | dB lost by decoding in bf16: mean | worst | by encoding, too: mean | worst | "
      "rate of that |\n|---|---|---|---|---|---|---|\n");
  for (const double quality : {0.0, 50.0, 100.0}) {
    std::vector<Cost> decoding(layers), both(layers);
    std::vector<double> bytes_f32(layers), bytes_bf16(layers);
    for (const Image& photo : photos) {
      EncodeSettings settings;
      settings.sizes = take(sizes_from_scales(photo.size(), default_scales(layers)), "sizes");
      settings.effort = 0;  // a search takes other symbols for the smallest difference, at the same cost
      settings.quality = quality;
      settings.measure = true;
      const auto reference = take(exact.encode(photo, settings), "encode");
      const auto other = take(coarse.encode(photo, settings), "encode");
      for (int k = 0; k < layers; ++k) {
        MemorySource source(reference.bytes);
        const auto decoded = take(decoder.decode(source, {.layer = k, .strict = true}), "decode");
        const Image original = k + 1 < layers ? resize(photo, settings.sizes[k]) : photo;
        decoding[k].add(reference.layers[k].psnr - psnr(decoded.image, original));
        both[k].add(reference.layers[k].psnr - other.layers[k].psnr);
        bytes_f32[k] += static_cast<double>(reference.layers[k].bytes);
        bytes_bf16[k] += static_cast<double>(other.layers[k].bytes);
      }
    }
    for (int k = 0; k < layers; ++k) {
      fmt::print("| {:g} | {} | {:+.4f} | {:+.4f} | {:+.4f} | {:+.4f} | {:+.3f} % |\n", quality, k,
                 decoding[k].mean(), decoding[k].worst, both[k].mean(), both[k].worst,
                 100.0 * (bytes_bf16[k] / bytes_f32[k] - 1.0));
    }
  }
}

// ---- 4: what integers cost ----

// The scale network in real numbers, as the trainer holds it: no rounding of weights, activations or indexes.
class RealScales {
 public:
  RealScales(const Safetensors& weights, const CodecDescription& codec, const std::string& prefix)
      : ops_(codec.h_scales) {
    for (size_t i = 0; i < ops_.size(); ++i) {
      const std::string name = prefix + ".h_scales." + std::to_string(i);
      const TensorView* weight = weights.find(name + ".weight");
      const TensorView* bias = weights.find(name + ".bias");
      if (weight == nullptr || bias == nullptr) fail("the training weights have no " + name);
      weights_.push_back(take(weight->floats(), name));
      biases_.push_back(take(bias->floats(), name));
      const auto& op = ops_[i];
      if (weights_.back().size() !=
          static_cast<size_t>(op.out) * op.factor * op.factor * op.in * op.kernel * op.kernel) {
        fail(name + ": the training weights are not this model's");
      }
    }
  }

  // z [C,h,w] -> real-valued scale indexes [M,H,W].
  Tensor run(Tensor x, Size latent) const {
    // Between ops the integer network counts in sixteenths, up to the op's limit (train/networks.cc).
    constexpr double kStep = 1.0 / 16.0;
    int left = 1;
    for (const auto& op : ops_) left *= op.factor;
    for (float& v : x.data) v = std::clamp(v, -127.0F, 127.0F);
    for (size_t i = 0; i < ops_.size(); ++i) {
      const bool last = i + 1 == ops_.size();
      const auto& op = ops_[i];
      left /= op.factor;
      const Size size{(latent.width + left - 1) / left, (latent.height + left - 1) / left};
      x = run_op(x, op, weights_[i], biases_[i], last ? op.limit : op.limit * kStep, size);
    }
    return x;
  }

 private:
  static Tensor run_op(const Tensor& x, const nn::Op& op, const std::vector<float>& weight,
                       const std::vector<float>& bias, double limit, Size size) {
    const int r = op.factor, k = op.kernel;
    const int top = x.height * r - size.height, left = x.width * r - size.width;
    Tensor out(op.out, size.height, size.width);
    for (int y = 0; y < x.height; ++y) {
      for (int col = 0; col < x.width; ++col) {
        for (int o = 0; o < op.out * r * r; ++o) {
          double sum = bias[o];
          for (int ky = 0; ky < k; ++ky) {
            for (int kx = 0; kx < k; ++kx) {
              const int sy = y + ky - k / 2, sx = col + kx - k / 2;
              if (sy < 0 || sx < 0 || sy >= x.height || sx >= x.width) continue;
              const float* in = x.pixel(sy, sx);
              const float* w = &weight[(static_cast<size_t>(o) * op.in * k + ky) * k + kx];
              for (int c = 0; c < op.in; ++c) sum += in[c] * w[static_cast<size_t>(c) * k * k];
            }
          }
          const int oy = y * r + o / r % r - top, ox = col * r + o % r - left;
          if (oy >= 0 && ox >= 0)
            out.at(o / (r * r), oy, ox) = static_cast<float>(std::clamp(sum, 0.0, limit));
        }
      }
    }
    return out;
  }

  std::vector<nn::Op> ops_;
  std::vector<std::vector<float>> weights_, biases_;
};

// Bits of symbol q under a Gaussian whose scale index is any real number.
double bits_of(double q, double index) {
  const double sigma = std::exp(std::log(0.11) + index * (std::log(256.0) - std::log(0.11)) / 63.0);
  const auto below = [&](double v) { return 0.5 * std::erfc(-v / (sigma * std::sqrt(2.0))); };
  const double a = std::abs(q);  // both ends in the same tail keep their digits
  return -std::log2(std::max(below(0.5 - a) - below(-0.5 - a), 1e-9));
}

struct Bits {
  double integer = 0, real_levels = 0, real = 0, z = 0;
  double symbols = 0, same = 0;
};

void count_bits(const std::shared_ptr<const Model>& model, CodecKind kind, const RealScales& real,
                Machine& machine, const Tensor& x, const Tensor* prediction, float rate, Bits& bits,
                Tensor* x_hat) {
  CodecNetworks networks(model, kind, machine.context);
  const Size picture{x.width, x.height};
  const Tensor* seen = networks.conditional() ? prediction : nullptr;
  const Tensor y = networks.analyse(x, seen, rate);
  const auto symbols = networks.quantise_hyper(networks.hyper_analyse(y));
  const HyperParameters hyper = networks.hyper_synthesise(symbols, picture);
  const Size small = networks.hyper_size(picture);
  Tensor z(networks.hyper_channels(), small.height, small.width);
  std::copy(symbols.begin(), symbols.end(), z.data.begin());
  const Tensor indexes = real.run(std::move(z), networks.latent_size(picture));
  for (size_t i = 0; i < y.size(); ++i) {
    const double q = std::nearbyint(y.data[i] - hyper.means.data[i]);
    const double level = std::floor(indexes.data[i] + 0.5);
    bits.integer += bits_of(q, hyper.indexes[i]);
    bits.real_levels += bits_of(q, level);
    bits.real += bits_of(q, indexes.data[i]);
    bits.symbols += 1;
    bits.same += level == hyper.indexes[i] ? 1 : 0;
  }
  const CdfTables& tables = model->hyper_tables(kind);
  for (size_t i = 0; i < symbols.size(); ++i) {
    const CdfRow row = tables.row(static_cast<int>(i % tables.rows()));
    const int slot = row.slot_of(symbols[i]);
    bits.z -= std::log2((row.cdf[slot + 1] - row.cdf[slot]) / 65536.0);
  }
  if (x_hat != nullptr) *x_hat = networks.synthesise(rounded_around(y, hyper.means), seen, rate, picture);
}

void integer_table(const std::shared_ptr<const Model>& model, const std::string& path,
                   const std::vector<Image>& photos) {
  const auto weights = take(Safetensors::load(path), path);
  const RealScales base(weights, model->codec(CodecKind::kBase), "base");
  const RealScales enhancement(weights, model->codec(CodecKind::kEnhancement), "enhancement");
  Machine machine(false);
  fmt::print(
      "| quality | codec | bits of y and z, integers | real numbers, 64 levels | real numbers | cost | equal "
      "indexes |\n|---|---|---|---|---|---|---|\n");
  for (const double quality : {0.0, 50.0, 100.0}) {
    const float rate = model->rate_position(quality);
    std::map<std::string, Bits> bits;
    for (const Image& photo : photos) {
      const Size full = photo.size(), half{full.width / 2, full.height / 2};
      Tensor low;
      count_bits(model, CodecKind::kBase, base, machine, map_of(resize(photo, half)), nullptr, rate,
                 bits["base"], &low);
      Image below(half);
      for (int c = 0; c < 3; ++c) {
        for (int y = 0; y < half.height; ++y) {
          for (int x = 0; x < half.width; ++x) below.row(c, y)[x] = low.at(c, y, x);
        }
      }
      Liff liff(model, machine.context);
      Tensor prediction = liff.predict(low, full);
      const Tensor bicubic = map_of(resize(below, full));
      Tensor residual = map_of(photo);
      for (size_t i = 0; i < residual.size(); ++i) {
        if (liff.adds_bicubic()) prediction.data[i] += bicubic.data[i];
        residual.data[i] -= prediction.data[i];
      }
      count_bits(model, CodecKind::kEnhancement, enhancement, machine, residual, &prediction, rate,
                 bits["enhancement"], nullptr);
    }
    for (const auto& [name, b] : bits) {
      fmt::print("| {:g} | {} | {:.0f} | {:.0f} | {:.0f} | {:+.3f} % | {:.1f} % |\n", quality, name,
                 b.integer + b.z, b.real_levels + b.z, b.real + b.z,
                 100.0 * ((b.integer + b.z) / (b.real + b.z) - 1.0), 100.0 * b.same / b.symbols);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) fail("usage: numerics GOLDEN_DIR MODEL TRAINING_WEIGHTS|- PHOTO...");
  const auto model = take(Model::load(argv[2]), argv[2]);
  std::vector<Image> photos;
  for (int i = 4; i < argc; ++i)
    photos.push_back(from_rgb8(take(tools::read_image(argv[i]), argv[i]).image.view()));

  fmt::print("### Against the reference, golden checkpoints\n\n");
  golden_table(argv[1]);
  fmt::print("\n### Model {} ({}), bf16 against f32, {} photos\n\n", model->name(),
             to_string(model->id()).substr(0, 8), photos.size());
  photo_table(model, photos);
  fmt::print("\n### What bf16 costs\n\n");
  bf16_table(model, photos);
  if (std::string(argv[3]) != "-" && model->layered() && !model->codec(CodecKind::kBase).h_scales.empty()) {
    fmt::print("\n### What the integer scale network costs\n\n");
    integer_table(model, argv[3], photos);
  }
  return 0;
}
