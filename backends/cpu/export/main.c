/* The main program of an exported model: reads .npy files, runs the model, writes .npy files.
   What differs between models stands before this text: INPUTS, OUTPUTS, the table `tensors` (inputs, then outputs),
   WORKSPACE_BYTES, set_threads(n), call(data, workspace) and message(status). */

#define TENSORS (INPUTS + OUTPUTS)
enum { ERROR = 1, USAGE = 2 };
static const char *program = "model";

static void fail(int code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "%s: ", program);
  vfprintf(stderr, format, arguments);
  fprintf(stderr, code == USAGE ? "; try %s --help\n" : "\n", program);
  va_end(arguments);
  exit(code);
}

static void *allocate(size_t bytes) {
  void *memory = aligned_alloc(64, (bytes + 127) / 64 * 64);
  if (!memory) fail(ERROR, "no memory for %zu bytes", bytes);
  return memory;
}

/* The shape as NumPy writes it: (), (3,), (3, 4). */
static void shape_text(const tensor *t, char *text, size_t room) {
  size_t used = (size_t)snprintf(text, room, "(");
  for (int axis = 0; axis < t->rank; axis++)
    used += (size_t)snprintf(text + used, room - used, "%s%lld", axis ? ", " : "", (long long)t->shape[axis]);
  snprintf(text + used, room - used, t->rank == 1 ? ",)" : ")");
}

static void usage(void) {
  char shape[256];
  printf("Usage: %s [-i NAME=FILE.npy]... [-o NAME=FILE.npy]... [--threads N] [--benchmark N]\n\n", program);
  printf("Runs the model once. Outputs without a file are summed up on standard output.\n\n");
  for (int n = 0; n < TENSORS; n++) {
    if (n == 0 && INPUTS) printf("Inputs, all needed:\n");
    if (n == INPUTS) printf("%sOutputs:\n", INPUTS ? "\n" : "");
    shape_text(&tensors[n], shape, sizeof shape);
    printf("  %-20s %s %s\n", tensors[n].name, tensors[n].dtype, shape);
  }
  printf("\n  --threads N     use N threads (default: AICOMP_THREADS, or all processors)\n");
  printf("  --benchmark N   run N times and print the milliseconds a run takes\n");
  printf("  -h, --help      print this\n");
}

/* -- reading .npy ------------------------------------------------------------------------------- */

/* Return the text after `key:` in a header, skipping blanks; fail where there is none. */
static const char *field(const char *path, const char *header, const char *key) {
  const char *at = strstr(header, key);
  if (at) at = strchr(at + strlen(key), ':');
  if (!at) fail(ERROR, "%s: the .npy header has no %s", path, key);
  return at + 1 + strspn(at + 1, " ");
}

static void check_dtype(const char *path, const tensor *t, const char *descr) {
  size_t length = *descr == '\'' || *descr == '"' ? strcspn(descr + 1, "'\"") : 0;
  if (!length) fail(ERROR, "%s: holds records, but input '%s' is %s", path, t->name, t->dtype);
  descr++;
  int known = strchr("<>|=", *descr) != NULL;
  const char *code = descr + known;
  size_t code_length = length - (size_t)known;
  if (strlen(t->code) != code_length || strncmp(code, t->code, code_length))
    fail(ERROR, "%s: has dtype %.*s, but input '%s' is %s (%s)", path, (int)length, descr, t->name, t->dtype, t->code);
  if (*descr == '>') fail(ERROR, "%s: is big-endian (%.*s); save it little-endian", path, (int)length, descr);
}

static void check_shape(const char *path, const tensor *t, const char *text) {
  char expected[256];
  shape_text(t, expected, sizeof expected);
  size_t length = strcspn(text, ")");
  const char *at = *text == '(' ? text + 1 : "";
  int rank = 0, same = *text == '(' && text[length] == ')';
  for (;;) {
    at += strspn(at, " ,");
    if (*at < '0' || *at > '9') break;
    char *end;
    long long size = strtoll(at, &end, 10);
    same = same && rank < t->rank && size == t->shape[rank];
    rank++;
    at = end;
  }
  if (*at != ')' || !same || rank != t->rank)
    fail(ERROR, "%s: has shape %.*s), but input '%s' is %s", path, (int)length, text, t->name, expected);
}

/* Copy data whose first axis varies quickest into data whose last axis does. */
static void reorder(const tensor *t, const char *from, char *to) {
  size_t itemsize = t->itemsize;
  for (size_t n = 0; n < t->size; n++) {
    size_t rest = n, stride = t->size, place = 0;
    for (int axis = t->rank - 1; axis >= 0; axis--) {
      size_t size = (size_t)t->shape[axis];
      stride /= size;
      place += rest % size * stride;
      rest /= size;
    }
    memcpy(to + n * itemsize, from + place * itemsize, itemsize);
  }
}

static char *read_header(const char *path, FILE *file) {
  unsigned char start[12];
  if (fread(start, 1, 10, file) < 10 || memcmp(start, "\x93NUMPY", 6)) fail(ERROR, "%s: is not a .npy file", path);
  size_t length = start[8] | (size_t)start[9] << 8;
  if (start[6] >= 2) {
    if (fread(start + 10, 1, 2, file) < 2) fail(ERROR, "%s: is truncated in its header", path);
    length |= (size_t)start[10] << 16 | (size_t)start[11] << 24;
  }
  if (length > 1 << 20) fail(ERROR, "%s: has a header of %zu bytes", path, length);
  char *header = allocate(length + 1);
  if (fread(header, 1, length, file) < length) fail(ERROR, "%s: is truncated in its header", path);
  header[length] = 0;
  return header;
}

static void *read_npy(const char *path, const tensor *t) {
  FILE *file = fopen(path, "rb");
  if (!file) fail(ERROR, "%s: %s", path, strerror(errno));
  char *header = read_header(path, file);
  check_dtype(path, t, field(path, header, "descr"));
  check_shape(path, t, field(path, header, "shape"));
  int fortran = !strncmp(field(path, header, "fortran_order"), "True", 4) && t->rank > 1;
  size_t bytes = t->size * t->itemsize;
  char *data = allocate(bytes);
  size_t got = fread(data, 1, bytes, file);
  if (got < bytes) fail(ERROR, "%s: is truncated: %zu bytes of data, %zu expected", path, got, bytes);
  fclose(file);
  free(header);
  if (!fortran) return data;
  char *reordered = allocate(bytes);
  reorder(t, data, reordered);
  free(data);
  return reordered;
}

/* -- writing ------------------------------------------------------------------------------------ */

static void write_npy(const char *path, const tensor *t, const void *data) {
  char shape[256], header[512];
  shape_text(t, shape, sizeof shape);
  int used = snprintf(header, sizeof header, "{'descr': '%c%s', 'fortran_order': False, 'shape': %s, }",
                      t->itemsize == 1 ? '|' : '<', t->code, shape);
  int length = (10 + used + 1 + 63) / 64 * 64 - 10;
  unsigned char start[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (unsigned char)(length & 255), (unsigned char)(length >> 8)};
  FILE *file = fopen(path, "wb");
  if (!file) fail(ERROR, "%s: %s", path, strerror(errno));
  fwrite(start, 1, sizeof start, file);
  fprintf(file, "%s%*s", header, length - used, "\n");
  fwrite(data, t->itemsize, t->size, file);
  int failed = ferror(file);
  if (fclose(file) || failed) fail(ERROR, "%s: %s", path, strerror(errno ? errno : EIO));
}

static double half(unsigned bits) {
  int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  double value = exponent == 31 ? (mantissa ? NAN : INFINITY) : ldexp(exponent ? 1024 + mantissa : mantissa, (exponent ? exponent : 1) - 25);
  return bits >> 15 ? -value : value;
}

static double bfloat(unsigned bits) {
  uint32_t wide = (uint32_t)bits << 16;
  float value;
  memcpy(&value, &wide, 4);
  return value;
}

static double element(const tensor *t, const void *data, size_t n) {
  const char *code = t->code;
  if (!strcmp(code, "f4")) return ((const float *)data)[n];
  if (!strcmp(code, "f8")) return ((const double *)data)[n];
  if (!strcmp(code, "f2")) return half(((const uint16_t *)data)[n]);
  if (!strcmp(code, "V2")) return bfloat(((const uint16_t *)data)[n]);
  if (!strcmp(code, "i8")) return (double)((const int64_t *)data)[n];
  if (!strcmp(code, "u8")) return (double)((const uint64_t *)data)[n];
  if (!strcmp(code, "i4")) return ((const int32_t *)data)[n];
  if (!strcmp(code, "u4")) return ((const uint32_t *)data)[n];
  if (!strcmp(code, "i2")) return ((const int16_t *)data)[n];
  if (!strcmp(code, "u2")) return ((const uint16_t *)data)[n];
  return *code == 'i' ? ((const int8_t *)data)[n] : ((const uint8_t *)data)[n];
}

/* Print name, type, least, greatest and mean value, and the first few. */
static void summary(const tensor *t, const void *data) {
  char shape[256];
  double least = INFINITY, greatest = -INFINITY, sum = 0;
  shape_text(t, shape, sizeof shape);
  printf("%s %s %s", t->name, t->dtype, shape);
  for (size_t n = 0; n < t->size; n++) {
    double value = element(t, data, n);
    least = value < least || value != value ? value : least;
    greatest = value > greatest || value != value ? value : greatest;
    sum += value;
  }
  if (t->size) printf(" min %.9g max %.9g mean %.9g first", least, greatest, sum / (double)t->size);
  for (size_t n = 0; n < t->size && n < 8; n++) printf(" %.9g", element(t, data, n));
  printf("\n");
}

/* -- the command line --------------------------------------------------------------------------- */

/* Note NAME=FILE in `files`; `first` and `count` say where in `tensors` names of this kind are. */
static void note_file(const char *option, char *text, char **files, int first, int count) {
  char *equals = text ? strchr(text, '=') : NULL;
  if (!equals || !equals[1]) fail(USAGE, "%s takes NAME=FILE.npy", option);
  *equals = 0;
  for (int n = first; n < first + count; n++) {
    if (strcmp(tensors[n].name, text)) continue;
    if (files[n]) fail(USAGE, "%s %s is given twice", option, text);
    files[n] = equals + 1;
    return;
  }
  fail(USAGE, "there is no %s '%s'", first ? "output" : "input", text);
}

static int number(const char *option, const char *text, int most) {
  char *end = NULL;
  long value = text ? strtol(text, &end, 10) : 0;
  if (!text || *end || value < 1 || value > most) fail(USAGE, "%s takes a number from 1 to %d", option, most);
  return (int)value;
}

static void run(void **data, void *workspace) {
  int status = call(data, workspace);
  if (status) fail(ERROR, "%s", message(status));
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void benchmark(int runs, void **data, void *workspace) {
  double *times = allocate((size_t)runs * sizeof *times);
  for (int n = 0; n < runs; n++) {
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    run(data, workspace);
    clock_gettime(CLOCK_MONOTONIC, &after);
    times[n] = (double)(after.tv_sec - before.tv_sec) * 1e3 + (double)(after.tv_nsec - before.tv_nsec) / 1e6;
  }
  qsort(times, (size_t)runs, sizeof *times, ascending);
  printf("%d runs: min %.6f ms, median %.6f ms, p90 %.6f ms\n", runs, times[0], times[runs / 2], times[(int)((runs - 1) * 0.9 + 0.5)]);
  free(times);
}

int main(int argc, char **argv) {
  char *files[TENSORS + 1] = {0};
  void *data[TENSORS + 1] = {0};
  int runs = 0;
  if (argc) program = argv[0];
  for (int n = 1; n < argc; n++) {
    char *option = argv[n], *value = argv[n + 1];
    if (!strcmp(option, "-h") || !strcmp(option, "--help")) return usage(), 0;
    else if (!strcmp(option, "-i")) note_file(option, value, files, 0, INPUTS);
    else if (!strcmp(option, "-o")) note_file(option, value, files, INPUTS, OUTPUTS);
    else if (!strcmp(option, "--threads")) set_threads(number(option, value, 1024));
    else if (!strcmp(option, "--benchmark")) runs = number(option, value, 100000000);
    else fail(USAGE, "there is no option %s", option);
    n++;
  }
  for (int n = 0; n < INPUTS; n++)
    if (!files[n]) fail(USAGE, "input '%s' is missing: -i %s=FILE.npy", tensors[n].name, tensors[n].name);
  for (int n = 0; n < INPUTS; n++) data[n] = read_npy(files[n], &tensors[n]);
  for (int n = INPUTS; n < TENSORS; n++) data[n] = allocate(tensors[n].size * tensors[n].itemsize);
  void *workspace = allocate(WORKSPACE_BYTES);
  run(data, workspace);
  if (runs) benchmark(runs, data, workspace);
  for (int n = INPUTS; n < TENSORS; n++) {
    if (files[n]) write_npy(files[n], &tensors[n], data[n]);
    else summary(&tensors[n], data[n]);
  }
  if (fflush(stdout)) fail(ERROR, "standard output: %s", strerror(errno));
  return 0;
}
