// Colour profiles, and transforms from them to sRGB, by Little CMS.
#pragma once

#include <lcms2.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "colour_facts.h"
#include "core/result.h"

namespace compass::tools::images {

// What a pixel's channels are.
enum class ColourModel { kGrey, kRgb, kCmyk, kLab };

int channels_of(ColourModel model);

struct FreeProfile {
  void operator()(void* profile) const { cmsCloseProfile(profile); }
};
using Profile = std::unique_ptr<void, FreeProfile>;

struct FreeTransform {
  void operator()(void* transform) const { cmsDeleteTransform(transform); }
};
using Transform = std::unique_ptr<void, FreeTransform>;

// The profile in those bytes; null if they are none, or one that cannot describe a picture's colours.
Profile open_profile(std::span<const uint8_t> icc);

// The profile as a file holds it: the same bytes on any day. Empty if Little CMS cannot write it.
std::vector<uint8_t> bytes_of(const Profile& profile);

// Whether the profile's numbers are of that model.
bool describes(const Profile& profile, ColourModel model);

// Whether the profile is a matrix and curves alone, which a decoder's viewer can apply to any colour.
bool is_matrix(const Profile& profile);

// Whether the profile says (tag 'cicp', ICC.1:2022 9.2.17) that its curve is PQ or HLG, or has such a curve,
// as those have that libjxl makes.
bool is_hdr(const Profile& profile);

// Light as a function of samples: samples to the power of `gamma` (0.01 to 100).
Profile profile_of_gamma(ColourModel model, double gamma, const Primaries& primaries);
// sRGB's curve, other primaries.
Profile profile_of_primaries(ColourModel model, const Primaries& primaries);
// Code points of ITU-T H.273; unspecified ones are sRGB's. Null if they name no colours of this kind (ICtCp
// and the like), or HDR.
Profile profile_of_code_points(ColourModel model, const CodePoints& points);
// CIE L*a*b*, D50.
Profile profile_of_lab();

// PQ and HLG: there is no one picture for a standard display.
bool is_hdr(const CodePoints& points);

// Rec. 709's, which sRGB shares.
Primaries srgb_primaries();
bool same_primaries(const Primaries& a, const Primaries& b);

// To sRGB (or, from grey, to grey of sRGB's curve) of `bits` (8 or 16) per sample, from samples of as many
// bits, or, for Lab, from floats (L 0..100). Relative colorimetric if the profile has that, with black point
// compensation. Null if Little CMS cannot use the profile.
Transform to_srgb(const Profile& profile, ColourModel model, int bits);

// Whether a transform of 8-bit samples changes no colour by more than one step: most profiles found in files
// are sRGB by some name, and a needless transform would only add rounding errors. Tries all 256 greys, or
// a cube of 17 levels a channel.
bool changes_nothing(const Transform& transform, ColourModel model);

}  // namespace compass::tools::images
