#include "colour_profile.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <vector>

namespace compass::tools::images {
namespace {

struct FreeCurve {
  void operator()(cmsToneCurve* curve) const { cmsFreeToneCurve(curve); }
};
using Curve = std::unique_ptr<cmsToneCurve, FreeCurve>;

// IEC 61966-2-1, as the parameters of an ICC curve of type 4: ((x + 0.055) / 1.055)^2.4, or x / 12.92.
Curve srgb_curve() {
  constexpr std::array<double, 5> kSrgb{2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};
  return Curve(cmsBuildParametricToneCurve(nullptr, 4, kSrgb.data()));
}

Curve gamma_curve(double gamma) {
  return Curve(cmsBuildGamma(nullptr, gamma));
}

Profile profile_of(ColourModel model, const Curve& curve, const Primaries& primaries) {
  if (curve == nullptr) return nullptr;
  const cmsCIExyY white{primaries.white.x, primaries.white.y, 1};
  if (model == ColourModel::kGrey) return Profile(cmsCreateGrayProfile(cmsD50_xyY(), curve.get()));
  if (model != ColourModel::kRgb) return nullptr;
  const cmsCIExyYTRIPLE corners{{primaries.red.x, primaries.red.y, 1},
                                {primaries.green.x, primaries.green.y, 1},
                                {primaries.blue.x, primaries.blue.y, 1}};
  const std::array<cmsToneCurve*, 3> curves{curve.get(), curve.get(), curve.get()};
  return Profile(cmsCreateRGBProfile(&white, &corners, curves.data()));
}

constexpr Chromaticity kD65{0.3127, 0.3290};
constexpr Chromaticity kIlluminantC{0.310, 0.316};

// ITU-T H.273, table 2.
std::optional<Primaries> primaries_of(int code) {
  switch (code) {
    case 1:
    case 2:  // unspecified
      return srgb_primaries();
    case 4:
      return Primaries{{0.67, 0.33}, {0.21, 0.71}, {0.14, 0.08}, kIlluminantC};
    case 5:
      return Primaries{{0.64, 0.33}, {0.29, 0.60}, {0.15, 0.06}, kD65};
    case 6:
    case 7:
      return Primaries{{0.630, 0.340}, {0.310, 0.595}, {0.155, 0.070}, kD65};
    case 8:
      return Primaries{{0.681, 0.319}, {0.243, 0.692}, {0.145, 0.049}, kIlluminantC};
    case 9:
      return Primaries{{0.708, 0.292}, {0.170, 0.797}, {0.131, 0.046}, kD65};
    case 11:
      return Primaries{{0.680, 0.320}, {0.265, 0.690}, {0.150, 0.060}, {0.314, 0.351}};
    case 12:
      return Primaries{{0.680, 0.320}, {0.265, 0.690}, {0.150, 0.060}, kD65};
    case 22:
      return Primaries{{0.630, 0.340}, {0.295, 0.605}, {0.155, 0.077}, kD65};
    default:
      return std::nullopt;
  }
}

// ITU-T H.273, table 3: the inverse of the camera's curve; null if it is none for standard displays.
Curve curve_of(int code) {
  // Of type 4, as above: ((x + a - 1) / a)^(1 / 0.45), or x / slope below slope * limit.
  const auto camera = [](double a, double slope, double limit) {
    const std::array<double, 5> parameters{1 / 0.45, 1 / a, (a - 1) / a, 1 / slope, slope * limit};
    return Curve(cmsBuildParametricToneCurve(nullptr, 4, parameters.data()));
  };
  switch (code) {
    case 1:
    case 6:
    case 11:
    case 12:
    case 14:
    case 15:
      return camera(1.09929682680944, 4.5, 0.018053968510807);  // BT.709, BT.601, BT.2020
    case 2:                                                     // unspecified
    case 13:
      return srgb_curve();
    case 4:
      return gamma_curve(2.2);
    case 5:
      return gamma_curve(2.8);
    case 7:
      return camera(1.1115, 4.0, 0.0228);  // SMPTE 240M
    case 8:
      return gamma_curve(1.0);
    default:
      return nullptr;
  }
}

// Light at a quarter, half and three quarters of the way up and at the top, as shares of it, by SMPTE ST 2084
// (PQ) and by ARIB STD-B67 (HLG; with its system's gamma of 1.2, too). Other curves lie far off: at a half,
// sRGB's is at 0.21.
bool is_hdr_curve(const cmsToneCurve* curve) {
  constexpr std::array<std::array<float, 3>, 3> kKnown{
      {{0.000516F, 0.00922F, 0.0983F}, {0.0208F, 0.0833F, 0.265F}, {0.00960F, 0.0507F, 0.203F}}};
  constexpr float kSlack = 0.1F;  // of each
  const float top = cmsEvalToneCurveFloat(curve, 1);
  if (!(top > 0)) return false;
  const auto near = [&](float at, float share) {
    return std::abs(cmsEvalToneCurveFloat(curve, at) / top - share) < kSlack * share;
  };
  return std::ranges::any_of(kKnown, [&](const std::array<float, 3>& shares) {
    return near(0.25F, shares[0]) && near(0.5F, shares[1]) && near(0.75F, shares[2]);
  });
}

cmsUInt32Number format_of(ColourModel model, int bits) {
  const int bytes = bits / 8;
  switch (model) {
    case ColourModel::kGrey:
      return COLORSPACE_SH(PT_GRAY) | CHANNELS_SH(1) | BYTES_SH(bytes);
    case ColourModel::kCmyk:
      return COLORSPACE_SH(PT_CMYK) | CHANNELS_SH(4) | BYTES_SH(bytes);
    case ColourModel::kLab:
      return TYPE_Lab_FLT;
    default:
      return COLORSPACE_SH(PT_RGB) | CHANNELS_SH(3) | BYTES_SH(bytes);
  }
}

// Profiles of displays and scanners may have a perceptual table only; those of a matrix do any intent.
cmsUInt32Number intent_of(const Profile& profile) {
  for (const cmsUInt32Number intent :
       {INTENT_RELATIVE_COLORIMETRIC, INTENT_PERCEPTUAL, INTENT_SATURATION, INTENT_ABSOLUTE_COLORIMETRIC}) {
    if (cmsIsIntentSupported(profile.get(), intent, LCMS_USED_AS_INPUT) != 0) return intent;
  }
  return INTENT_PERCEPTUAL;
}

}  // namespace

int channels_of(ColourModel model) {
  switch (model) {
    case ColourModel::kGrey:
      return 1;
    case ColourModel::kCmyk:
      return 4;
    default:
      return 3;
  }
}

Profile open_profile(std::span<const uint8_t> icc) {
  // Little CMS writes to a stream only if a program asks for it: a bad profile prints nothing.
  Profile profile(cmsOpenProfileFromMem(icc.data(), static_cast<cmsUInt32Number>(icc.size())));
  if (profile == nullptr) return nullptr;
  switch (cmsGetDeviceClass(profile.get())) {
    case cmsSigInputClass:
    case cmsSigDisplayClass:
    case cmsSigOutputClass:
    case cmsSigColorSpaceClass:
      return profile;
    default:
      return nullptr;
  }
}

std::vector<uint8_t> bytes_of(const Profile& profile) {
  cmsUInt32Number size = 0;
  if (profile == nullptr || !cmsSaveProfileToMem(profile.get(), nullptr, &size)) return {};
  std::vector<uint8_t> bytes(size);
  if (!cmsSaveProfileToMem(profile.get(), bytes.data(), &size)) return {};
  bytes.resize(size);
  // When it was made: six numbers, big-endian, year to second (ICC.1:2022, 7.2.10).
  constexpr size_t kDate = 24;
  constexpr std::array<uint8_t, 12> kAnyDay{2000 >> 8, 2000 & 255, 0, 1, 0, 1};
  if (bytes.size() < kDate + kAnyDay.size()) return {};
  std::ranges::copy(kAnyDay, bytes.begin() + kDate);
  return bytes;
}

bool describes(const Profile& profile, ColourModel model) {
  switch (cmsGetColorSpace(profile.get())) {
    case cmsSigGrayData:
      return model == ColourModel::kGrey;
    case cmsSigRgbData:
      return model == ColourModel::kRgb;
    case cmsSigCmykData:
      return model == ColourModel::kCmyk;
    case cmsSigLabData:
      return model == ColourModel::kLab;
    default:
      return false;
  }
}

bool is_matrix(const Profile& profile) {
  return cmsIsMatrixShaper(profile.get()) != 0 && cmsIsTag(profile.get(), cmsSigAToB0Tag) == 0 &&
         cmsIsTag(profile.get(), cmsSigAToB1Tag) == 0;
}

bool is_hdr(const Profile& profile) {
  constexpr auto kCicp = static_cast<cmsTagSignature>(0x63696370);
  std::array<uint8_t, 12> tag{};  // type and 4 reserved bytes; primaries, transfer, matrix, range
  if (cmsReadRawTag(profile.get(), kCicp, tag.data(), tag.size()) == tag.size() &&
      is_hdr(CodePoints{tag[8], tag[9]})) {
    return true;
  }
  for (const cmsTagSignature channel : {cmsSigRedTRCTag, cmsSigGrayTRCTag}) {
    if (cmsIsTag(profile.get(), channel) == 0) continue;
    const auto* const curve = static_cast<const cmsToneCurve*>(cmsReadTag(profile.get(), channel));
    if (curve != nullptr && is_hdr_curve(curve)) return true;
  }
  return false;
}

bool is_hdr(const CodePoints& points) {
  return points.transfer == 16 || points.transfer == 18;
}

Primaries srgb_primaries() {
  return {{0.64, 0.33}, {0.30, 0.60}, {0.15, 0.06}, kD65};
}

bool same_primaries(const Primaries& a, const Primaries& b) {
  constexpr double kRounding = 0.0015;  // some writers round to three digits
  const auto near = [](const Chromaticity& p, const Chromaticity& q) {
    return std::abs(p.x - q.x) < kRounding && std::abs(p.y - q.y) < kRounding;
  };
  return near(a.red, b.red) && near(a.green, b.green) && near(a.blue, b.blue) && near(a.white, b.white);
}

Profile profile_of_gamma(ColourModel model, double gamma, const Primaries& primaries) {
  return profile_of(model, gamma_curve(std::clamp(gamma, 0.01, 100.0)), primaries);
}

Profile profile_of_primaries(ColourModel model, const Primaries& primaries) {
  return profile_of(model, srgb_curve(), primaries);
}

Profile profile_of_code_points(ColourModel model, const CodePoints& points) {
  const std::optional<Primaries> primaries = primaries_of(points.primaries);
  return primaries ? profile_of(model, curve_of(points.transfer), *primaries) : nullptr;
}

Profile profile_of_lab() {
  return Profile(cmsCreateLab4Profile(nullptr));
}

Transform to_srgb(const Profile& profile, ColourModel model, int bits) {
  const bool grey = model == ColourModel::kGrey;
  const Profile target = profile_of_primaries(grey ? model : ColourModel::kRgb, srgb_primaries());
  const int out_bits = model == ColourModel::kLab ? 16 : bits;
  // 8-bit samples go through Little CMS' tables, whose errors are well below a step; the deeper ones, which
  // may be of a steeper curve, through every stage.
  const cmsUInt32Number exactness = bits == 8 ? cmsFLAGS_HIGHRESPRECALC : cmsFLAGS_NOOPTIMIZE;
  return Transform(cmsCreateTransform(profile.get(), format_of(model, bits), target.get(),
                                      format_of(grey ? model : ColourModel::kRgb, out_bits),
                                      intent_of(profile), exactness | cmsFLAGS_BLACKPOINTCOMPENSATION));
}

bool changes_nothing(const Transform& transform, ColourModel model) {
  std::vector<uint8_t> samples;
  if (model == ColourModel::kGrey) {
    for (int level = 0; level < 256; ++level) samples.push_back(static_cast<uint8_t>(level));
  } else if (model == ColourModel::kRgb) {
    constexpr int kSteps = 17;
    for (int i = 0; i < kSteps * kSteps * kSteps; ++i) {
      for (const int level : {i % kSteps, i / kSteps % kSteps, i / kSteps / kSteps}) {
        samples.push_back(static_cast<uint8_t>(std::min(255, level * 16)));
      }
    }
  } else {
    return false;
  }
  std::vector<uint8_t> converted(samples.size());
  cmsDoTransform(transform.get(), samples.data(), converted.data(),
                 static_cast<cmsUInt32Number>(samples.size() / channels_of(model)));
  return std::ranges::equal(samples, converted, [](int was, int is) { return std::abs(was - is) <= 1; });
}

}  // namespace compass::tools::images
