#include "sample_layout.h"

#include <fmt/format.h>
#include <tiff.h>

#include <algorithm>
#include <cmath>
#include <string_view>

namespace compass::tools::images {
namespace {

Error unknown_channels(const std::string& what) {
  return {ErrorCode::kBadFile, fmt::format("{}; convert it to RGB first", what)};
}

// Grey, RGB, CMYK or Lab by what libvips took it for.
Result<ColourModel> model_of(VipsImage* picture) {
  const int bands = vips_image_get_bands(picture);
  switch (vips_image_guess_interpretation(picture)) {
    case VIPS_INTERPRETATION_B_W:
    case VIPS_INTERPRETATION_GREY16:
      return ColourModel::kGrey;
    case VIPS_INTERPRETATION_sRGB:
    case VIPS_INTERPRETATION_RGB:
    case VIPS_INTERPRETATION_RGB16:
    case VIPS_INTERPRETATION_scRGB:
      return ColourModel::kRgb;
    case VIPS_INTERPRETATION_CMYK:
      return ColourModel::kCmyk;
    case VIPS_INTERPRETATION_LAB:
    case VIPS_INTERPRETATION_LABS:
      return ColourModel::kLab;
    default:
      if (bands <= 2) return ColourModel::kGrey;
      return unknown_channels(fmt::format("it has {} channels of an unknown meaning", bands));
  }
}

// The same by the file's own word.
Result<ColourModel> model_of(VipsImage* picture, const TiffFacts& tiff) {
  switch (tiff.photometric) {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK:
      return ColourModel::kGrey;
    case PHOTOMETRIC_RGB:
    case PHOTOMETRIC_YCBCR:
      return ColourModel::kRgb;
    case PHOTOMETRIC_PALETTE:
    case PHOTOMETRIC_LOGLUV:  // libvips has made XYZ of it, and we sRGB
      return model_of(picture);
    case PHOTOMETRIC_SEPARATED:
      if (vips_image_guess_interpretation(picture) == VIPS_INTERPRETATION_CMYK) return ColourModel::kCmyk;
      return unknown_channels("it is a TIFF of inks that are not cyan, magenta, yellow and black");
    case PHOTOMETRIC_CIELAB:
      return ColourModel::kLab;
    default:
      return unknown_channels(
          fmt::format("it is a TIFF of colour model {}, which cannot be read", tiff.photometric));
  }
}

// Finds the alpha channel among the bands behind the colours.
void find_alpha(VipsImage* picture, const ColourFacts& facts, SampleLayout& layout) {
  const int channels = layout.channels();
  const int others = layout.bands - channels;
  if (others <= 0 || layout.coding == VIPS_CODING_LABQ) return;
  if (facts.tiff && !facts.tiff->extra.empty()) {
    const std::vector<int>& extra = facts.tiff->extra;
    for (int i = 0; i < std::min<int>(others, static_cast<int>(extra.size())) && layout.alpha < 0; ++i) {
      const bool is_alpha = extra[i] == EXTRASAMPLE_ASSOCALPHA || extra[i] == EXTRASAMPLE_UNASSALPHA;
      if (is_alpha) layout.alpha = channels + i;
    }
  } else if (others == 1 || vips_image_hasalpha(picture) != 0) {
    layout.alpha = channels;
  }
  layout.dropped = others - (layout.alpha >= 0 ? 1 : 0);
}

uint32_t largest_sample(VipsImage* picture) {
  int depth = 16;
  const char* loader = "";
  if (vips_image_get_typeof(picture, VIPS_META_LOADER) != 0) {
    vips_image_get_string(picture, VIPS_META_LOADER, &loader);
  }
  // The name depends on libvips' version.
  for (const char* name : {"bits-per-sample", "heif-bitdepth"}) {
    if (std::string_view(loader).starts_with("heifload") && vips_image_get_typeof(picture, name) != 0) {
      vips_image_get_int(picture, name, &depth);
    }
  }
  if (depth <= 8 || depth > 16) return 65535;
  return ((1U << depth) - 1) << (16 - depth);  // libvips moves them up
}

const char* name_of(VipsBandFormat format) {
  switch (format) {
    case VIPS_FORMAT_CHAR:
      return "signed 8-bit";
    case VIPS_FORMAT_USHORT:
    case VIPS_FORMAT_SHORT:
      return "16-bit";
    case VIPS_FORMAT_UINT:
    case VIPS_FORMAT_INT:
      return "32-bit";
    case VIPS_FORMAT_DOUBLE:
      return "double";
    default:
      return "float";
  }
}

}  // namespace

Result<SampleLayout> sample_layout(VipsImage* picture, const ColourFacts& facts) {
  SampleLayout layout;
  layout.format = vips_image_get_format(picture);
  layout.coding = vips_image_get_coding(picture);
  layout.bands = vips_image_get_bands(picture);
  if (vips_band_format_iscomplex(layout.format) != 0)
    return unknown_channels("its samples are complex numbers");
  const Result<ColourModel> model = facts.tiff ? model_of(picture, *facts.tiff) : model_of(picture);
  if (!model) return model.error();
  layout.model = *model;
  if (layout.bands < layout.channels()) {
    return unknown_channels(fmt::format("it has {} channels, too few for its colours", layout.bands));
  }
  const bool lab_samples = layout.coding == VIPS_CODING_LABQ || layout.format == VIPS_FORMAT_SHORT ||
                           layout.format == VIPS_FORMAT_FLOAT;
  if (layout.model == ColourModel::kLab && !lab_samples) {
    return unknown_channels("it is CIE Lab of an unusual depth");
  }
  find_alpha(picture, facts, layout);
  layout.premultiplied = facts.premultiplied && layout.alpha >= 0;
  layout.inverted = facts.tiff && facts.tiff->photometric == PHOTOMETRIC_MINISWHITE &&
                    vips_band_format_isuint(layout.format) == 0;
  if (layout.format == VIPS_FORMAT_USHORT) layout.top = largest_sample(picture);
  return layout;
}

uint16_t SampleReader::of_float(double value) {
  constexpr double kSlack = 1e-4;  // a fortieth of a step of 8 bits: what arithmetic leaves behind
  if (!(value >= -kSlack && value <= 1 + kSlack)) ++clipped_;
  const double bounded = value > 0 ? std::min(value, 1.0) : 0;  // not a number: 0
  return static_cast<uint16_t>(std::lround(bounded * 65535));
}

void SampleReader::read_band(const uint8_t* row, int first, std::span<uint16_t> out, size_t out_stride) {
  const bool inverted = layout_.inverted && first < layout_.channels();
  const auto read = [&]<typename T>(const T* samples, auto to_16_bits) {
    samples += first;
    for (size_t i = 0; i < out.size(); i += out_stride, samples += layout_.bands) {
      const uint16_t value = to_16_bits(*samples);
      out[i] = inverted ? static_cast<uint16_t>(65535 - value) : value;
    }
  };
  const auto as = [row]<typename T>(T /*like*/) { return reinterpret_cast<const T*>(row); };
  switch (layout_.format) {
    case VIPS_FORMAT_UCHAR:
      return read(row, [](uint8_t v) -> uint16_t { return v * 257; });
    case VIPS_FORMAT_CHAR:
      return read(as(int8_t{}), [](int8_t v) -> uint16_t { return (v + 128) * 257; });
    case VIPS_FORMAT_USHORT:
      return read(as(uint16_t{}), [top = layout_.top](uint16_t v) -> uint16_t {
        return top == 65535 ? v : static_cast<uint16_t>(std::min(65535U, (v * 65535U + top / 2) / top));
      });
    case VIPS_FORMAT_SHORT:
      // libvips keeps the alpha of 16-bit Lab in signed samples as it was.
      if (layout_.labs()) return read(as(uint16_t{}), [](uint16_t v) -> uint16_t { return v; });
      return read(as(int16_t{}), [](int16_t v) -> uint16_t { return v + 32768; });
    case VIPS_FORMAT_UINT:
      return read(as(uint32_t{}), [](uint32_t v) -> uint16_t { return (uint64_t{v} + 32768) / 65537; });
    case VIPS_FORMAT_INT:
      return read(as(int32_t{}), [](int32_t v) -> uint16_t {
        return static_cast<uint64_t>(int64_t{v} + 2147483648 + 32768) / 65537;
      });
    case VIPS_FORMAT_FLOAT:
      return read(as(float{}), [this](float v) { return of_float(v); });
    case VIPS_FORMAT_DOUBLE:
      return read(as(double{}), [this](double v) { return of_float(v); });
    default:
      return;
  }
}

void SampleReader::read_lab(const uint8_t* row, std::span<float> out) const {
  const size_t stride = layout_.bands;
  for (size_t i = 0, at = 0; i + 2 < out.size(); i += 3, at += stride) {
    if (layout_.coding == VIPS_CODING_LABQ) {
      out[i] = static_cast<float>(row[at]) * 100.0F / 255.0F;
      out[i + 1] = static_cast<int8_t>(row[at + 1]);
      out[i + 2] = static_cast<int8_t>(row[at + 2]);
    } else if (layout_.labs()) {
      const auto* samples = reinterpret_cast<const int16_t*>(row) + at;
      out[i] = static_cast<float>(samples[0]) * 100.0F / 32767.0F;
      out[i + 1] = static_cast<float>(samples[1]) / 256.0F;
      out[i + 2] = static_cast<float>(samples[2]) / 256.0F;
    } else {
      std::copy_n(reinterpret_cast<const float*>(row) + at, 3, out.begin() + static_cast<ptrdiff_t>(i));
    }
  }
}

std::vector<std::string> losses(const SampleLayout& layout, bool kinds) {
  std::vector<std::string> notes;
  const bool deep = kinds && layout.is_deep();
  const bool kept = layout.format == VIPS_FORMAT_USHORT || layout.format == VIPS_FORMAT_SHORT;
  if (layout.format != VIPS_FORMAT_UCHAR && !(deep && kept)) {
    notes.push_back(fmt::format("{} samples are rounded to {} bits", name_of(layout.format), deep ? 16 : 8));
  }
  if (layout.alpha >= 0 && !kinds) {
    notes.emplace_back("the alpha channel is dropped: the picture is laid over white");
  }
  if (layout.dropped > 0) {
    notes.push_back(fmt::format("{} channel{} that {} neither colour nor alpha {} dropped", layout.dropped,
                                layout.dropped == 1 ? "" : "s", layout.dropped == 1 ? "is" : "are",
                                layout.dropped == 1 ? "is" : "are"));
  }
  return notes;
}

}  // namespace compass::tools::images
