#include "serve/renderer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/image_module.h"
#include "common/memory_sink.h"
#include "common/model_path.h"
#include "common/picture_view.h"
#include "image/resize.h"
#include "serve/cmps_file.h"

namespace compass::tools::serve {
namespace {

// Of JPEG and WebP: what pages usually take.
constexpr int kFileQuality = 85;

// What is decoded and what becomes of it.
struct Plan {
  int layer = 0;
  Rect held;    // of the layer: what the result is computed from
  Size target;  // of the whole picture, at the result's scale
  Rect part;    // of that: the result
};

int scaled(int position, double scale, int most) {
  return std::clamp(static_cast<int>(std::lround(position * scale)), 0, most);
}

Plan plan_of(const ContainerHeader& header, const Rendering& rendering) {
  const Size full = header.layers.back().size;
  const Rect region = rendering.region;
  const double across = static_cast<double>(rendering.size.width) / region.width;
  const double down = static_cast<double>(rendering.size.height) / region.height;
  Plan plan;
  plan.layer = static_cast<int>(layer_for(header, rendering));
  plan.target = {std::max(rendering.size.width, static_cast<int>(std::lround(full.width * across))),
                 std::max(rendering.size.height, static_cast<int>(std::lround(full.height * down)))};
  plan.part = {scaled(region.x, across, plan.target.width - rendering.size.width),
               scaled(region.y, down, plan.target.height - rendering.size.height), rendering.size.width,
               rendering.size.height};
  plan.held = resize_footprint(header.layers[plan.layer].size, plan.target, plan.part);
  return plan;
}

// The part of `alpha`, which lies at `held` of a layer of size `layer`, at the plan's scale.
Plane alpha_of(const PlaneView& alpha, const Plan& plan, Size layer) {
  const double across = static_cast<double>(layer.width) / plan.target.width;
  const double down = static_cast<double>(layer.height) / plan.target.height;
  const auto span = [](int begin, int count, double scale, int origin, int most) {
    const int first = std::clamp(static_cast<int>(std::lround(begin * scale)) - origin, 0, most - 1);
    const int end =
        std::clamp(static_cast<int>(std::lround((begin + count) * scale)) - origin, first + 1, most);
    return std::pair{first, end - first};
  };
  const auto [x, width] = span(plan.part.x, plan.part.width, across, plan.held.x, alpha.size.width);
  const auto [y, height] = span(plan.part.y, plan.part.height, down, plan.held.y, alpha.size.height);
  return resize(alpha.part({x, y, width, height}), plan.part.size());
}

// The library's way to a file.
int64_t read_file(void* user, uint64_t offset, uint8_t* data, size_t size) {
  const OpenFile& file = *static_cast<const OpenFile*>(user);
  size_t have = 0;
  while (have < size) {
    const size_t got = file.read(offset + have, data + have, size - have);
    if (got == 0) break;
    have += got;
  }
  return static_cast<int64_t>(have);
}

// What the plan holds, of 16 bits a sample if `deep`.
Result<OwnedPicture> decoded(const compass_model* model, const compass_options& codec, const OpenFile& file,
                             const Plan& plan, bool deep) {
  const Result<DecoderHandle> decoder = new_decoder(model, codec);
  if (!decoder) return decoder.error();
  compass_decode_settings settings;
  compass_decode_settings_init(&settings);
  settings.layer = plan.layer;
  settings.region_x = plan.held.x;
  settings.region_y = plan.held.y;
  settings.region_width = plan.held.width;
  settings.region_height = plan.held.height;
  settings.strict = 1;
  settings.bits = deep ? 16 : 8;
  compass_source source;
  compass_source_init(&source);
  source.read = read_file;
  source.user = const_cast<OpenFile*>(&file);  // read only
  OwnedPicture picture;
  compass_error error;
  const compass_status status =
      compass_decode_source(decoder->get(), &source, &settings, picture.out(), &error);
  if (status != COMPASS_OK) return error_of(status, error);
  return picture;
}

// The profile of a file whose pixels are in its space, and nothing else.
Result<std::vector<MetadataChunk>> profile_of(const OpenFile& file, const ContainerHeader& header,
                                              int kinds) {
  std::vector<MetadataChunk> chunks;
  if ((kinds & COMPASS_OWN_COLOURS) == 0) return chunks;
  const auto bytes = file.first(header.layers.front().begin());
  if (!bytes) return bytes.error();
  OwnedBytes profile;
  compass_error error;
  const compass_status status =
      compass_read_metadata(bytes->data(), bytes->size(), COMPASS_ICC, profile.out(), &error);
  if (status != COMPASS_OK) return error_of(status, error);
  chunks.push_back({MetadataChunk::kIcc, {profile->data, profile->data + profile->size}});
  return chunks;
}

Result<std::shared_ptr<const Body>> written(PictureView view, const std::vector<MetadataChunk>& metadata,
                                            const Rendering& rendering) {
  const auto module = image_module();
  if (!module) return module.error();
  view.grey = view.grey || rendering.grey;
  const bool webp = rendering.format == ".webp", jpeg = rendering.format == ".jpg";
  const FileSamples samples{
      .alpha = view.alpha.data != nullptr && !jpeg, .grey = view.grey && !webp, .quality = kFileQuality};
  MemorySink sink;
  const auto notes = (*module)->write_image(view, samples, rendering.format, sink, metadata);
  if (!notes) return notes.error();
  return body_of(std::vector<uint8_t>(sink.bytes().begin(), sink.bytes().end()));
}

std::string key_of(const OpenFile& file, const std::string& name, const Rendering& r) {
  return fmt::format("{}\n{}\n{},{},{},{} {}x{} {}{}", name, file.tag(), r.region.x, r.region.y,
                     r.region.width, r.region.height, r.size.width, r.size.height, r.grey ? "grey" : "",
                     r.format);
}

}  // namespace

// One of those who may work at the same time, once it is its turn.
class Renderer::Turn {
 public:
  explicit Turn(Renderer& renderer) : renderer_(renderer) {
    std::unique_lock lock(renderer_.mutex_);
    if (renderer_.waiting_ >= renderer_.options_.waiting) return;
    ++renderer_.waiting_;
    renderer_.turn_over_.wait(lock, [&] { return renderer_.working_ < renderer_.options_.at_once; });
    --renderer_.waiting_;
    ++renderer_.working_;
    has_come_ = true;
  }
  ~Turn() {
    if (!has_come_) return;
    {
      const std::lock_guard lock(renderer_.mutex_);
      --renderer_.working_;
    }
    renderer_.turn_over_.notify_one();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  bool has_come() const { return has_come_; }

 private:
  Renderer& renderer_;
  bool has_come_ = false;
};

Renderer::Renderer(RendererOptions options)
    : options_(std::move(options)), pool_(options_.codec.threads), cache_(options_.cache_bytes) {
  compass_threads* threads = nullptr;
  compass_error error;
  // Without threads of their own to share, decoders start some each.
  (void)compass_threads_create(options_.codec.threads, &threads, &error);
  threads_.reset(threads);
  options_.codec.shared_threads = threads;
}

Result<ContainerHeader> Renderer::header(const OpenFile& file) const {
  ContainerLimits limits;
  limits.max_pixels = options_.codec.max_pixels;
  return read_header(file, limits);
}

size_t layer_for(const ContainerHeader& header, const Rendering& rendering) {
  const Size full = header.layers.back().size;
  const auto has_enough = [&](const LayerEntry& layer) {
    return static_cast<int64_t>(layer.size.width) * rendering.region.width >=
               static_cast<int64_t>(rendering.size.width) * full.width &&
           static_cast<int64_t>(layer.size.height) * rendering.region.height >=
               static_cast<int64_t>(rendering.size.height) * full.height;
  };
  const auto found = std::ranges::find_if(header.layers, has_enough);
  return std::min<size_t>(found - header.layers.begin(), header.layers.size() - 1);
}

Result<std::shared_ptr<const compass_model>> Renderer::model_for(const DecoderId& id,
                                                                 const std::string& name) {
  const std::lock_guard lock(mutex_);
  auto& model = models_[to_string(id)];
  if (model != nullptr) return model;
  auto opened = open_model_for(id.data(), options_.model, name, ModelUse::kDecoding);
  if (!opened) {
    models_.erase(to_string(id));
    return opened.error();
  }
  model = *std::move(opened);
  return model;
}

Result<std::shared_ptr<const Body>> Renderer::render(const OpenFile& file, const std::string& name,
                                                     const ContainerHeader& header,
                                                     const Rendering& rendering) {
  const std::string key = key_of(file, name, rendering);
  if (auto kept = cache_.find(key)) return kept;
  const Turn turn(*this);
  if (!turn.has_come())
    return Error{ErrorCode::kCancelled, "too many pictures are being made: try again later"};
  if (auto kept = cache_.find(key)) return kept;  // by the one before
  const auto model = model_for(header.decoder, name);
  if (!model) return model.error();
  const Plan plan = plan_of(header, rendering);
  const Size layer = header.layers[plan.layer].size;
  const bool as_it_is = plan.target == layer && plan.held == plan.part;
  const auto picture = decoded(model->get(), options_.codec, file, plan, !as_it_is);
  if (!picture) return picture.error();
  const auto profile = profile_of(file, header, (*picture)->kinds);
  if (!profile) return profile.error();
  PictureView view = view_of(**picture);
  Image image;
  Plane alpha;
  if (!as_it_is) {
    // Resampling a part of a larger picture takes floats.
    image = resize_region(from_rgb16(view.rgb16), plan.held, layer, plan.target, plan.part, &pool_);
    if (view.alpha.data != nullptr) alpha = alpha_of(view.alpha, plan, layer);
    const bool grey = view.grey;
    view = PictureView();
    view.deep = &image;
    view.grey = grey;
    if (!alpha.empty()) view.alpha = alpha.view();
  }
  auto body = written(view, *profile, rendering);
  if (body) cache_.keep(key, *body);
  return body;
}

}  // namespace compass::tools::serve
