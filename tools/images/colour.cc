#include "colour.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace compass::tools::images {
namespace {

const char* name_of(ColourModel model) {
  switch (model) {
    case ColourModel::kGrey:
      return "grey";
    case ColourModel::kCmyk:
      return "CMYK";
    case ColourModel::kLab:
      return "CIE Lab";
    default:
      return "RGB";
  }
}

const char* name_of_space(const Profile& profile) {
  for (const ColourModel model :
       {ColourModel::kGrey, ColourModel::kRgb, ColourModel::kCmyk, ColourModel::kLab}) {
    if (describes(profile, model)) return name_of(model);
  }
  return "another colour model";
}

Error hdr(const char* curve) {
  return {ErrorCode::kBadFile,
          fmt::format("it is an HDR picture ({}), which has no one look on a standard display; convert it to "
                      "SDR first",
                      curve)};
}

// Null if there is none; empty if it cannot even be unpacked.
std::optional<std::span<const uint8_t>> embedded_profile(VipsImage* picture, const ColourFacts& facts) {
  if (facts.icc) return *facts.icc;
  const void* data = nullptr;
  size_t bytes = 0;
  if (vips_image_get_typeof(picture, VIPS_META_ICC_NAME) == 0 ||
      vips_image_get_blob(picture, VIPS_META_ICC_NAME, &data, &bytes) != 0) {
    return std::nullopt;
  }
  return std::span(static_cast<const uint8_t*>(data), bytes);
}

// What rows are read from: codings are undone, and spaces other than grey, RGB, CMYK and Lab made sRGB.
Handle<VipsImage> readable(VipsImage* stored, bool& linear) {
  VipsImage* out = nullptr;
  switch (vips_image_get_coding(stored)) {
    case VIPS_CODING_RAD:
      linear = true;
      return Handle<VipsImage>(vips_rad2float(stored, &out, nullptr) == 0 ? out : nullptr);
    case VIPS_CODING_LABQ:
      break;
    default:
      if (vips_image_guess_interpretation(stored) == VIPS_INTERPRETATION_XYZ) {
        const int failed = vips_colourspace(stored, &out, VIPS_INTERPRETATION_sRGB, nullptr);
        return Handle<VipsImage>(failed == 0 ? out : nullptr);
      }
  }
  g_object_ref(stored);
  return Handle<VipsImage>(stored);
}

template <typename Sample>
Sample rounded(uint16_t sample) {
  return static_cast<Sample>(sizeof(Sample) == 1 ? (sample + 128U) / 257U : sample);
}

}  // namespace

Result<ColourConverter> ColourConverter::of(VipsImage* stored, const ColourFacts& facts,
                                            const ReadSettings& settings) {
  bool linear = false;
  Handle<VipsImage> pixels = readable(stored, linear);
  if (pixels == nullptr) return Error{ErrorCode::kBadFile, "its colours cannot be read: " + vips_reason()};
  Result<SampleLayout> layout = sample_layout(pixels.get(), facts);
  if (!layout) return layout.error();
  layout->linear = linear;
  ColourConverter converter(std::move(pixels), *layout);
  converter.keep_profile_ = settings.profile;
  converter.notes_ = losses(*layout, settings.kinds);
  converter.notes_.insert(converter.notes_.end(), facts.notes.begin(), facts.notes.end());
  if (facts.tiff && facts.tiff->transfer_curves && !embedded_profile(stored, facts)) {
    converter.notes_.emplace_back("its own transfer curves are not applied: its colours are taken for sRGB");
  }
  if (Status chosen = converter.choose_transform(facts); !chosen) return chosen.error();
  return converter;
}

Status ColourConverter::choose_transform(const ColourFacts& facts) {
  bool used = false;
  if (facts.code_points && facts.code_points_first) {
    if (Status status = use_code_points(*facts.code_points, used); !status || used) return status;
  }
  if (Status status = use_embedded_profile(facts, used); !status || used) return status;
  if (facts.code_points && !facts.code_points_first) {
    if (Status status = use_code_points(*facts.code_points, used); !status || used) return status;
  }
  if (facts.srgb) return {};
  const Primaries primaries = facts.primaries.value_or(srgb_primaries());
  const bool usual = same_primaries(primaries, srgb_primaries());
  const std::optional<double> gamma = sensible_gamma(facts);
  // libpng and the browsers that use it take 1 / 2.2, give or take 5 %, to mean their screen's own curve.
  const bool screen = !gamma || std::abs(*gamma * 2.2 - 1) <= 0.05;
  if (layout_.linear) {
    use(profile_of_gamma(layout_.model, 1, srgb_primaries()));
  } else if (gamma && !(screen && usual)) {
    if (!use_and_keep(profile_of_gamma(layout_.model, 1 / *gamma, primaries))) {
      notes_.emplace_back("its gAMA and cHRM chunks are invalid: its colours are taken for sRGB");
    }
  } else if (!usual && !use_and_keep(profile_of_primaries(layout_.model, primaries))) {
    notes_.emplace_back("its cHRM chunk is invalid: its colours are taken for sRGB");
  } else if (layout_.model == ColourModel::kLab) {
    use(profile_of_lab());
  } else if (layout_.model == ColourModel::kCmyk && !use_fallback()) {
    return Error{ErrorCode::kBadFile,
                 "it is CMYK without a profile that can be used; convert it to RGB first"};
  }
  return {};
}

std::optional<double> ColourConverter::sensible_gamma(const ColourFacts& facts) {
  constexpr double kLeast = 0.00016, kMost = 6250;  // libpng, and with it browsers, ignore what lies outside
  if (!facts.gamma || (*facts.gamma >= kLeast && *facts.gamma <= kMost)) return facts.gamma;
  notes_.emplace_back("its gAMA chunk is invalid and is ignored");
  return std::nullopt;
}

Status ColourConverter::use_embedded_profile(const ColourFacts& facts, bool& used) {
  const std::optional<std::span<const uint8_t>> icc = embedded_profile(pixels_.get(), facts);
  if (!icc) return {};
  const Profile profile = open_profile(*icc);
  std::string why = "it is damaged, or of no kind for pictures";
  if (profile != nullptr && is_hdr(profile)) return hdr("by its colour profile");
  if (profile != nullptr && !describes(profile, layout_.model)) {
    // Grey pictures with an sRGB profile are common, and nothing is lost.
    const bool harmless = layout_.model == ColourModel::kGrey && describes(profile, ColourModel::kRgb) &&
                          changes_nothing(to_srgb(profile, ColourModel::kRgb, 8), ColourModel::kRgb);
    if (harmless) return {};
    why = fmt::format("it is for {}, the picture is {}", name_of_space(profile), name_of(layout_.model));
  } else if (profile != nullptr) {
    used = use(profile);
    if (used) {
      if (transform_ != nullptr) applied_profile_.assign(icc->begin(), icc->end());
      keep(profile, *icc);
      return {};
    }
  }
  notes_.push_back(fmt::format(
      "the embedded colour profile cannot be used ({}): its colours are taken as if it were not there", why));
  return {};
}

Status ColourConverter::use_code_points(const CodePoints& points, bool& used) {
  if (is_hdr(points)) return hdr(points.transfer == 16 ? "PQ" : "HLG");
  if (layout_.model != ColourModel::kGrey && layout_.model != ColourModel::kRgb) return {};
  used = use_and_keep(profile_of_code_points(layout_.model, points));
  if (!used) {
    notes_.push_back(
        fmt::format("its code points for colours (primaries {}, transfer {}) are not known and are ignored",
                    points.primaries, points.transfer));
  }
  return {};
}

// Takes the transform from that profile, none if it would change nothing. False if it cannot be used.
bool ColourConverter::use(const Profile& profile) {
  if (profile == nullptr) return false;
  if (layout_.model == ColourModel::kGrey || layout_.model == ColourModel::kRgb) {
    const Transform bytes = to_srgb(profile, layout_.model, 8);
    if (bytes == nullptr) return false;
    if (changes_nothing(bytes, layout_.model)) {
      transform_ = nullptr;
      return true;
    }
  }
  transform_ = to_srgb(profile, layout_.model, bits());
  return transform_ != nullptr;
}

// The same, and keeps colours if that is wanted: with that profile, though the file has none.
bool ColourConverter::use_and_keep(const Profile& profile) {
  if (!use(profile)) return false;
  if (keep_profile_ && transform_ != nullptr) keep(profile, bytes_of(profile));
  return true;
}

// If that is wanted, and the profile can go along as `icc`, colours stay as they are.
void ColourConverter::keep(const Profile& profile, std::span<const uint8_t> icc) {
  if (!keep_profile_ || transform_ == nullptr) return;
  if (layout_.model == ColourModel::kRgb && is_matrix(profile) && !icc.empty()) {
    transform_ = nullptr;
    keeps_colours_ = true;
    applied_profile_.assign(icc.begin(), icc.end());
    return;
  }
  notes_.emplace_back(
      "its colour profile is none of a matrix and curves for RGB, and is not kept: colours become sRGB");
}

// libvips' own profile stands in for a missing one.
bool ColourConverter::use_fallback() {
  VipsBlob* blob = nullptr;
  if (vips_profile_load("cmyk", &blob, nullptr) != 0 || blob == nullptr) return false;
  const std::unique_ptr<VipsArea, decltype(&vips_area_unref)> area(VIPS_AREA(blob), vips_area_unref);
  notes_.emplace_back(
      "it is CMYK without a usable profile: its colours are those of a common printing profile");
  return use(open_profile({static_cast<const uint8_t*>(area->data), area->length}));
}

void ColourConverter::convert_row(const uint8_t* row, int width, uint8_t* out) {
  if (bits() == 8 && layout_.model != ColourModel::kLab) {
    convert_bytes(row, width, out);
  } else {
    convert_deep(row, width, out);
  }
}

void ColourConverter::convert_bytes(const uint8_t* row, int width, uint8_t* out) {
  const int channels = layout_.channels();
  const uint8_t* colours = row;  // channels a pixel
  if (layout_.bands != channels) {
    bytes_.resize(static_cast<size_t>(width) * channels);
    for (int x = 0; x < width; ++x) {
      std::copy_n(row + static_cast<ptrdiff_t>(x) * layout_.bands, channels,
                  bytes_.begin() + static_cast<ptrdiff_t>(x) * channels);
    }
    colours = bytes_.data();
  }
  if (layout_.alpha < 0) {
    if (transform_ != nullptr) {
      cmsDoTransform(transform_.get(), colours, out, width);
    } else {
      std::copy_n(colours, static_cast<ptrdiff_t>(width) * channels, out);
    }
    return;
  }
  std::vector<uint8_t> srgb;
  if (transform_ != nullptr) {
    srgb.resize(static_cast<size_t>(width) * channels_out());
    cmsDoTransform(transform_.get(), colours, srgb.data(), width);
    colours = srgb.data();
  }
  for (int x = 0; x < width; ++x) {
    out = std::copy_n(colours + static_cast<ptrdiff_t>(x) * channels_out(), channels_out(), out);
    *out++ = row[static_cast<ptrdiff_t>(x) * layout_.bands + layout_.alpha];
  }
}

template <typename Sample>
void ColourConverter::convert_deep(const uint8_t* row, int width, Sample* out) {
  const int channels = layout_.channels();
  const int made = channels_out();
  const auto pixels = static_cast<size_t>(width);
  converted_.resize(pixels * made);
  if (layout_.model == ColourModel::kLab) {
    lab_.resize(pixels * 3);
    reader_.read_lab(row, lab_);
    cmsDoTransform(transform_.get(), lab_.data(), converted_.data(), width);
  } else {
    samples_.resize(pixels * channels);
    for (int c = 0; c < channels; ++c) {
      reader_.read_band(row, c, std::span(samples_).subspan(c), channels);
    }
    if (layout_.premultiplied) divide_by_alpha(row, pixels);
    if (transform_ != nullptr) {
      cmsDoTransform(transform_.get(), samples_.data(), converted_.data(), width);
    } else {
      converted_.swap(samples_);
    }
  }
  const int stride = bands();
  for (size_t x = 0; x < pixels; ++x) {
    for (int c = 0; c < made; ++c) out[x * stride + c] = rounded<Sample>(converted_[x * made + c]);
  }
  if (layout_.alpha < 0) return;
  samples_.resize(pixels);
  reader_.read_band(row, layout_.alpha, samples_, 1);
  for (size_t x = 0; x < pixels; ++x) out[x * stride + made] = rounded<Sample>(samples_[x]);
}

template void ColourConverter::convert_deep(const uint8_t* row, int width, uint8_t* out);
template void ColourConverter::convert_deep(const uint8_t* row, int width, uint16_t* out);

void ColourConverter::divide_by_alpha(const uint8_t* row, size_t pixels) {
  alpha_.resize(pixels);
  reader_.read_band(row, layout_.alpha, alpha_, 1);
  const size_t channels = layout_.channels();
  for (size_t i = 0; i < samples_.size(); ++i) {
    const uint32_t alpha = alpha_[i / channels];
    if (alpha == 0) continue;  // nothing of the colour is seen
    samples_[i] =
        static_cast<uint16_t>(std::min<uint64_t>(65535, (uint64_t{samples_[i]} * 65535 + alpha / 2) / alpha));
  }
}

std::vector<std::string> ColourConverter::notes_of_rows() const {
  if (reader_.clipped() == 0) return {};
  return {fmt::format("{} float samples lie outside 0 to 1, which are black and white, and are clipped",
                      reader_.clipped())};
}

}  // namespace compass::tools::images
