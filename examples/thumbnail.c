/* Makes a thumbnail from no more of a file than it takes, and says how much that was.
 *
 *   thumbnail lite.safetensors photo.cmps 160 120 > thumbnail.ppm
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

static int64_t read_at(void* file, uint64_t offset, uint8_t* data, size_t size) {
  if (fseek(file, (long)offset, SEEK_SET) != 0) return -1;
  const size_t count = fread(data, 1, size, file);
  return ferror((FILE*)file) ? -1 : (int64_t)count;
}

/* Rows as they come: the picture is nowhere held whole. */
static int write_rows(void* out, int y, int count, const void* pixels, size_t stride, size_t plane_stride) {
  (void)y, (void)plane_stride;
  return fwrite(pixels, stride, count, out) != (size_t)count;
}

int main(int argc, char** argv) {
  compass_model* model = NULL;
  compass_decoder* decoder = NULL;
  compass_reader* reader = NULL;
  compass_source source;
  compass_decode_settings wish;
  compass_output output;
  compass_layer layer;
  uint64_t bytes = 0;
  FILE* file = argc == 5 ? fopen(argv[2], "rb") : NULL;
  if (file == NULL) return fputs("usage: thumbnail MODEL FILE WIDTH HEIGHT\n", stderr), COMPASS_USAGE;
  compass_source_init(&source), compass_layer_init(&layer);
  compass_decode_settings_init(&wish);
  compass_output_init(&output);
  source.read = read_at, source.user = file;
  wish.size.width = atoi(argv[3]), wish.size.height = atoi(argv[4]);
  output.rows = write_rows, output.rows_user = stdout;
  check(compass_model_load(argv[1], &model, &error));
  check(compass_decoder_create(model, NULL, &decoder, &error));
  check(compass_reader_create(decoder, &source, &reader, &error));
  check(compass_reader_select(reader, &wish, &error));
  check(compass_reader_bytes_for(reader, &wish, &bytes, &error));
  printf("P6 %d %d 255\n", wish.size.width, wish.size.height);
  do { /* only the last layer is shown */
    check(compass_reader_next(reader, &layer, &error));
    check(compass_reader_next_layer(reader, layer.is_last ? &output : NULL, &layer, &error));
  } while (!layer.is_last);
  fprintf(stderr, "from the first %llu bytes\n", (unsigned long long)bytes);
  compass_reader_free(reader), compass_decoder_free(decoder), compass_model_free(model);
  return fclose(file);
}
