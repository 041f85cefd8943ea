// Encodes and decodes a small picture through the installed C++ interface. argv[1]: a model.
#include <compass/compass.hpp>
#include <cstdio>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const compass::Model model(argv[1]);
  const std::vector<std::uint8_t> rgb(3 * 40 * 30, 90);
  const std::vector<std::uint8_t> file = compass::Encoder(model).encode(rgb.data(), {40, 30});
  compass::Decoder decoder(model);
  const compass::Picture small = decoder.decode(file, compass::layer(0));
  const compass::Picture exact = decoder.decode(file, compass::size(33, 7));
  const bool sizes = small.size().width == 10 && small.size().height == 7 && exact.size().width == 33;
  try {
    decoder.decode(file, compass::layer(9));
    return 1;
  } catch (const compass::Error& error) {
    if (error.status() != COMPASS_USAGE) return 1;
  }
  std::puts(sizes ? "fine" : "wrong sizes");
  return sizes ? 0 : 1;
}
