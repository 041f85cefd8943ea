#include <gtest/gtest.h>

#include <cmath>

#include "eval/metrics.h"
#include "eval/peers/j2k_layers.h"
#include "eval/peers/program_codec.h"
#include "eval/peers/shvc_layers.h"
#include "eval/picture_file.h"
#include "eval/process.h"

namespace compass::eval {
namespace {

// A soft scene with an edge: compresses well, so that qualities are clearly ordered.
Picture scene(Size size) {
  Picture p(size);
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      for (int c = 0; c < 3; ++c) {
        const double wave =
            std::sin(0.11 * x + c) * std::cos(0.07 * y) * 60 + ((x * 3 + y) % 64 < 32 ? 20 : -20);
        p.pixel(y, x)[c] = static_cast<uint8_t>(128 + wave);
      }
    }
  }
  return p;
}

PictureFiles ppm_files() {
  return {.read = read_ppm, .write = write_ppm};
}

// Programs that every system has, in a codec's place.
ProgramCodecSpec copier() {
  return {.name = "copy",
          .package = "coreutils",
          .encode = {"cp", "{in}", "{out}"},
          .decode = {"cp", "{in}", "{out}"},
          .version = {"cp", "--version"},
          .input_extension = ".ppm",
          .file_extension = ".bin",
          .output_extension = ".ppm",
          .settings = {"1"}};
}

TEST(ProgramCodec, BytesOfTheFileAndPixelsOfTheDecoder) {
  const Result<std::shared_ptr<const EvaluatedCodec>> codec = make_program_codec(copier(), ppm_files());
  ASSERT_TRUE(codec) << codec.error().message;
  const Workspace w = std::move(*Workspace::create());
  const Picture picture = scene({33, 20});
  const Result<Coded> coded = (*codec)->run({picture}, "1", w.file(""));
  ASSERT_TRUE(coded) << coded.error().message;
  ASSERT_EQ(coded->layers.size(), 1U);
  EXPECT_EQ(coded->layers[0].bytes, 33U * 20 * 3 + 13);  // "P6\n33 20\n255\n"
  EXPECT_EQ(coded->layers[0].decoded, picture);
  EXPECT_NE((*codec)->version().find("cp"), std::string::npos);
}

TEST(ProgramCodec, MissingProgramsNameTheirPackage) {
  ProgramCodecSpec spec = copier();
  spec.decode = {"no-such-decoder", "{in}", "{out}"};
  const Result<std::shared_ptr<const EvaluatedCodec>> codec = make_program_codec(spec, ppm_files());
  ASSERT_FALSE(codec);
  EXPECT_NE(codec.error().message.find("apt install coreutils"), std::string::npos) << codec.error().message;
}

TEST(ProgramCodec, CrashesAndSilentFailuresAreErrors) {
  const Workspace w = std::move(*Workspace::create());
  ProgramCodecSpec crashes = copier();
  crashes.encode = {"sh", "-c", "kill -ABRT $$"};
  EXPECT_FALSE((*make_program_codec(crashes, ppm_files()))->run({scene({5, 5})}, "1", w.file("")));
  ProgramCodecSpec writes_nothing = copier();
  writes_nothing.encode = {"true"};
  writes_nothing.decode = {"true"};
  EXPECT_FALSE((*make_program_codec(writes_nothing, ppm_files()))->run({scene({5, 5})}, "1", w.file("")));
}

// Every still-picture peer that is installed and speaks PPM: more rate, more quality, plausible bytes.
TEST(ProgramCodec, InstalledPeersBehave) {
  const Picture picture = scene({80, 64});
  int tested = 0;
  for (const ProgramCodecSpec& spec : picture_program_specs()) {
    if (spec.input_extension != ".ppm" || spec.output_extension != ".ppm") continue;
    const Result<std::shared_ptr<const EvaluatedCodec>> codec = make_program_codec(spec, ppm_files());
    if (!codec) continue;
    ++tested;
    const Workspace w = std::move(*Workspace::create());
    const Result<Coded> low = (*codec)->run({picture}, spec.settings.front(), w.file(""));
    const Result<Coded> high = (*codec)->run({picture}, spec.settings.back(), w.file(""));
    ASSERT_TRUE(low) << spec.name << ": " << low.error().message;
    ASSERT_TRUE(high) << spec.name << ": " << high.error().message;
    EXPECT_LT(low->layers[0].bytes, high->layers[0].bytes) << spec.name;
    EXPECT_LT(*psnr(low->layers[0].decoded, picture), *psnr(high->layers[0].decoded, picture)) << spec.name;
  }
  if (tested == 0) GTEST_SKIP() << "no encoder that reads PPM is installed";
}

TEST(J2kLayers, PrefixesDecodeLikeTheWholeFile) {
  const Result<std::shared_ptr<const EvaluatedCodec>> codec = make_j2k_layers(ppm_files());
  if (!codec) GTEST_SKIP() << codec.error().message;
  const Workspace w = std::move(*Workspace::create());
  const Picture picture = scene({97, 66});
  const std::vector<Size> sizes{{25, 17}, {49, 33}, {97, 66}};
  ASSERT_TRUE((*codec)->accepts(sizes));
  const Result<Coded> coded = (*codec)->run(pyramid_of(picture, sizes), "12", w.file(""));
  ASSERT_TRUE(coded) << coded.error().message;
  ASSERT_EQ(coded->layers.size(), 3U);
  for (int k = 0; k < 3; ++k) {
    EXPECT_EQ(coded->layers[k].decoded.size, sizes[k]);
    ASSERT_TRUE(run_process({"opj_decompress", "-i", w.file("coded.j2k"), "-o", w.file("whole.ppm"), "-r",
                             std::to_string(2 - k)}));
    EXPECT_EQ(coded->layers[k].decoded, *read_ppm(w.file("whole.ppm"))) << "layer " << k;
  }
  EXPECT_LT(coded->layers[0].bytes, coded->layers[1].bytes);
  EXPECT_LT(coded->layers[1].bytes, coded->layers[2].bytes);
  // One byte less and the lowest layer is no longer whole: the prefix is not merely long enough.
  const std::vector<uint8_t> bytes = *read_file(w.file("coded.j2k"));
  ASSERT_TRUE(write_file(w.file("short.j2k"), bytes.data(), coded->layers[0].bytes / 2));
  ASSERT_TRUE(run_process(
      {"opj_decompress", "-i", w.file("short.j2k"), "-o", w.file("short.ppm"), "-r", "2", "-allow-partial"}));
  EXPECT_NE(coded->layers[0].decoded, *read_ppm(w.file("short.ppm")));
}

TEST(J2kLayers, RefusesSizesThatAreNotHalves) {
  const Result<std::shared_ptr<const EvaluatedCodec>> codec = make_j2k_layers(ppm_files());
  if (!codec) GTEST_SKIP() << codec.error().message;
  EXPECT_FALSE((*codec)->accepts({{40, 30}, {97, 66}}));
  EXPECT_FALSE((*codec)->accepts({{1, 1}, {2, 2}, {4, 4}, {8, 8}, {16, 16}, {32, 32}, {64, 64}}));
  EXPECT_TRUE((*codec)->accepts({{97, 66}}));
}

TEST(J2kLayers, HostileCodestreams) {
  const std::vector<uint8_t> good{0xFF, 0x4F, 0xFF, 0x58, 0, 5, 0, 2, 3, 0xFF, 0x93, 1, 2, 3, 4, 5};
  EXPECT_EQ(*j2k_resolution_ends(good, 2, 1), (std::vector<uint64_t>{13, 16}));
  EXPECT_FALSE(j2k_resolution_ends(good, 3, 1));
  EXPECT_FALSE(j2k_resolution_ends({}, 2, 1));
  for (size_t n = 0; n < good.size(); ++n) {
    EXPECT_FALSE(j2k_resolution_ends(std::span(good).first(n), 2, 1)) << n;
  }
  std::vector<uint8_t> bad = good;
  bad[5] = 1;  // a segment shorter than its own length field
  EXPECT_FALSE(j2k_resolution_ends(bad, 2, 1));
}

// Annex B: units of layers 0, 0, 1, 0, 2 of 7, 7 (a long start code), 7, 7 and 9 bytes.
TEST(ShvcLayers, BytesByLayer) {
  const std::vector<uint8_t> stream{0, 0, 1, 0x40, 1, 9, 9, 0, 0, 0, 1, 0x26, 1,    9,  0, 0, 1, 0x26, 9,
                                    9, 9, 0, 0,    1, 2, 1, 3, 3, 0, 0, 1,    0x26, 17, 5, 5, 5, 5};
  EXPECT_EQ(*shvc_layer_bytes(stream, 3), (std::vector<uint64_t>{21, 28, 37}));
  EXPECT_FALSE(shvc_layer_bytes(stream, 2));
  EXPECT_FALSE(shvc_layer_bytes({}, 1));
  EXPECT_FALSE(shvc_layer_bytes(std::span(stream).subspan(1), 3));
  EXPECT_EQ(*shvc_layer_bytes(std::span(stream).first(5), 1), std::vector<uint64_t>{5});
}

// Programs that take SHM's options: the encoder puts the pictures into NAL units, the decoder gets them out.
constexpr const char* kStandIn = R"(
import re, sys
options = dict(zip(sys.argv[2::2], sys.argv[3::2]))
layers = sorted(int(name[2:]) for name in options if re.fullmatch('-[io][0-9]+', name))
if sys.argv[1] == 'encode':
    assert options['-c'] == 'intra.cfg' and options['-f'] == '1'
    with open(options['-b'], 'wb') as out:
        for k in layers:
            yuv = open(options[f'-i{k}'], 'rb').read()
            width, height = int(options[f'-wdt{k}']), int(options[f'-hgt{k}'])
            assert len(yuv) == width * height * 3 // 2 and options[f'-q{k}'] == '32'
            out.write(bytes([0, 0, 0, 1, 0x26, k << 3 | 1]) + yuv.hex().encode())
else:
    for k, unit in enumerate(open(options['-b'], 'rb').read().split(bytes([0, 0, 0, 1]))[1:]):
        open(options[f'-o{k}'], 'wb').write(bytes.fromhex(unit[2:].decode()))
)";

TEST(ShvcLayers, ProgramsAreGivenWhatTheyNeed) {
  if (find_program("python3").empty()) GTEST_SKIP() << "no python3 here";
  const Workspace w = std::move(*Workspace::create());
  ASSERT_TRUE(write_file(w.file("shm.py"), std::string(kStandIn)));
  const std::string program = "python3 " + w.file("shm.py");
  const auto codec = make_shvc_layers({program + " encode -c intra.cfg", program + " decode"});
  ASSERT_TRUE(codec) << codec.error().message;
  EXPECT_NE((*codec)->how().find("-c intra.cfg"), std::string::npos);
  const std::vector<Size> sizes{{24, 16}, {48, 32}};
  const std::vector<Picture> originals = pyramid_of(scene({48, 32}), sizes);
  const Result<Coded> coded = (*codec)->run(originals, "32", w.file(""));
  ASSERT_TRUE(coded) << coded.error().message;
  ASSERT_EQ(coded->layers.size(), 2U);
  EXPECT_EQ(coded->layers[0].bytes, 6U + 2 * 24 * 16 * 3 / 2);
  EXPECT_EQ(coded->layers[1].bytes, coded->layers[0].bytes + 6 + 2 * 48 * 32 * 3 / 2);
  // All that is lost is the colour's resolution.
  for (const int k : {0, 1}) EXPECT_GT(*psnr(coded->layers[k].decoded, originals[k]), 28.0) << k;

  EXPECT_FALSE((*codec)->accepts({{24, 16}, {44, 32}}));
  const auto mute = make_shvc_layers({program + " encode -c intra.cfg", "true"});
  ASSERT_TRUE(mute);
  const Workspace fresh = std::move(*Workspace::create());
  const Result<Coded> nothing = (*mute)->run({originals[0]}, "32", fresh.file(""));
  ASSERT_FALSE(nothing);
}

TEST(ShvcLayers, MissingProgramsAreNamed) {
  EXPECT_NE(make_shvc_layers({}).error().message.find("--shvc-encoder"), std::string::npos);
  EXPECT_NE(make_shvc_layers({"no-such-encoder -c a", "true"}).error().message.find("no-such-encoder"),
            std::string::npos);
}

}  // namespace
}  // namespace compass::eval
