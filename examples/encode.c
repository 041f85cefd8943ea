/* Encodes a PPM from standard input: three layers, or as large a file as is asked for.
 *
 *   djpeg photo.jpg | encode lite.safetensors photo.cmps [BYTES]
 */
#include <compass/compass.h>
#include <stdio.h>
#include <stdlib.h>

static compass_error error;

static void check(compass_status status) {
  if (status == COMPASS_OK) return;
  fprintf(stderr, "%s\n", error.message);
  exit(status);
}

static int show(void* user, double done) {
  (void)user;
  fprintf(stderr, "\r%3.0f %%", 100 * done);
  return 0; /* anything else would cancel */
}

int main(int argc, char** argv) {
  compass_model* model = NULL;
  compass_encoder* encoder = NULL;
  compass_encode_settings settings;
  compass_target target = {COMPASS_TARGET_BYTES, argc > 3 ? atof(argv[3]) : 0};
  compass_bytes file;
  int width = 0, height = 0;
  if (argc < 3 || scanf("P6 %d %d 255", &width, &height) != 2 || getchar() == EOF || width < 1 || height < 1) {
    return fputs("usage: encode MODEL FILE [BYTES] < PPM\n", stderr), COMPASS_USAGE;
  }
  const size_t stride = (size_t)3 * width;
  uint8_t* rgb = malloc(stride * height);
  if (rgb == NULL || fread(rgb, stride, height, stdin) != (size_t)height) return COMPASS_IO;

  check(compass_model_load(argv[1], &model, &error));
  check(compass_encoder_create(model, NULL, &encoder, &error));
  compass_encode_settings_init(&settings);
  settings.quality = 60;
  settings.progress = show;
  if (argc > 3) settings.targets = &target, settings.target_count = 1;
  check(compass_encode(encoder, rgb, width, height, stride, &settings, &file, &error));
  FILE* out = fopen(argv[2], "wb");
  if (out == NULL || fwrite(file.data, 1, file.size, out) != file.size || fclose(out) != 0) {
    perror(argv[2]);
    return COMPASS_IO;
  }
  fprintf(stderr, "\r%zu bytes\n", file.size);
  compass_bytes_free(&file);
  compass_encoder_free(encoder);
  compass_model_free(model);
  free(rgb);
  return 0;
}
