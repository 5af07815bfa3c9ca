/* SPDX-License-Identifier: MIT */
/* pprof's profile.proto, compressed: stacks with all their weights. */
#include "prof/export.h"

#include "memory.h"
#include "prof/index_map.h"

#include "profile.pb-c.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

typedef Perftools__Profiles__Profile Profile;
typedef Perftools__Profiles__ValueType ValueType;
typedef Perftools__Profiles__Sample Sample;
typedef Perftools__Profiles__Mapping Mapping;
typedef Perftools__Profiles__Location Location;
typedef Perftools__Profiles__Line Line;
typedef Perftools__Profiles__Function Function;

/* In the order of its readers' hearts; peak is none of theirs. */
static const enum metric metrics[] = {
    METRIC_ALLOC_OBJECTS, METRIC_ALLOC_BYTES, METRIC_LIVE_OBJECTS,
    METRIC_LIVE_BYTES,    METRIC_RESIDENT,    METRIC_WASTE,
    METRIC_PINNED,
};
enum { NTYPES = sizeof metrics / sizeof *metrics };

struct builder {
    const struct exported *exported;
    Profile profile;
    struct index_map strings;   /* interned texts */
    struct index_map functions; /* name and file, interned as one text */
    struct index_map locations; /* addresses */
};

static int64_t string_of(struct builder *builder, const char *text)
{
    Profile *profile = &builder->profile;

    text = symbols_intern(builder->exported->symbols, text);
    uint32_t index = index_map_add(&builder->strings, index_key(text));
    if (index == profile->n_string_table) {
        profile->string_table =
            xgrow(profile->string_table, index, sizeof(char *));
        profile->string_table[profile->n_string_table++] =
            (char *)(uintptr_t)text;
    }
    return index;
}

static ValueType *type_of(struct builder *builder, const char *name,
                          const char *unit)
{
    ValueType *type = xcalloc(1, sizeof *type);

    perftools__profiles__value_type__init(type);
    type->type = string_of(builder, name);
    type->unit = string_of(builder, unit);
    return type;
}

static uint64_t function_of(struct builder *builder,
                            const struct symbol *symbol)
{
    const char *file = symbol->file != NULL ? symbol->file : "";
    size_t size = strlen(symbol->function) + strlen(file) + 2;
    char *both = xcalloc(1, size);
    Profile *profile = &builder->profile;

    (void)snprintf(both, size, "%s\n%s", symbol->function, file);
    uint32_t index = index_map_add(
        &builder->functions,
        index_key(symbols_intern(builder->exported->symbols, both)));
    free(both);
    if (index < profile->n_function)
        return index + 1;
    Function *function = xcalloc(1, sizeof *function);
    perftools__profiles__function__init(function);
    function->id = index + 1;
    function->name = string_of(builder, symbol->function);
    function->system_name = string_of(
        builder, symbol->system != NULL ? symbol->system : symbol->function);
    function->filename = string_of(builder, file);
    profile->function = xgrow(profile->function, index, sizeof(Function *));
    profile->function[profile->n_function++] = function;
    return function->id;
}

static void take_lines(struct builder *builder, const struct place *place,
                       Location *location)
{
    location->n_line = place->count;
    location->line = xcalloc(place->count, sizeof(Line *));
    for (size_t i = 0; i < place->count; i++) {
        Line *line = xcalloc(1, sizeof *line);
        perftools__profiles__line__init(line);
        line->function_id = function_of(builder, &place->symbols[i]);
        line->line = place->symbols[i].line;
        location->line[i] = line;
    }
}

static uint64_t location_of(struct builder *builder, uintptr_t address)
{
    Profile *profile = &builder->profile;
    uint32_t index = index_map_add(&builder->locations, address);

    if (index < profile->n_location)
        return index + 1;
    const struct place *place = symbols_at(builder->exported->symbols, address);
    Location *location = xcalloc(1, sizeof *location);
    perftools__profiles__location__init(location);
    location->id = index + 1;
    location->address = address;
    location->mapping_id = place->module != MODULE_NONE ? place->module + 1 : 0;
    /* Names only where there are some: else pprof looks for them itself. */
    if (place->symbols[0].is_named || place->module == MODULE_NONE)
        take_lines(builder, place, location);
    profile->location = xgrow(profile->location, index, sizeof(Location *));
    profile->location[profile->n_location++] = location;
    return location->id;
}

static void add_sample(struct builder *builder, size_t stack)
{
    static struct named_stack named;
    const struct exported *exported = builder->exported;
    const struct prof_figures *figures = &exported->figures[stack];
    Profile *profile = &builder->profile;
    Sample *sample = xcalloc(1, sizeof *sample);

    stack_name(exported->profile, exported->symbols, stack, &named);
    perftools__profiles__sample__init(sample);
    sample->n_location_id = named.nframes > 0 ? named.nframes : 1;
    sample->location_id = xcalloc(sample->n_location_id, sizeof(uint64_t));
    /* Not unwound: an address that nobody has. */
    sample->location_id[0] = named.nframes > 0 ? 0 : location_of(builder, 1);
    for (size_t i = 0; i < named.nframes; i++)
        sample->location_id[i] = location_of(builder, named.frames[i]);
    sample->n_value = NTYPES;
    sample->value = xcalloc(NTYPES, sizeof(int64_t));
    for (unsigned i = 0; i < NTYPES; i++)
        sample->value[i] = (int64_t)figures->value[metrics[i]];
    profile->sample =
        xgrow(profile->sample, profile->n_sample, sizeof(Sample *));
    profile->sample[profile->n_sample++] = sample;
}

static int64_t build_id_of(struct builder *builder, const struct build_id *id)
{
    char text[2 * ROOT_BUILD_ID + 1] = "";

    for (uint32_t i = 0; i < id->size; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", id->bytes[i]);
    return string_of(builder, text);
}

/* Each module by its code: pprof finds the bias by offset and start. */
static void add_mappings(struct builder *builder)
{
    const struct modules *modules = symbols_modules(builder->exported->symbols);
    Profile *profile = &builder->profile;

    profile->mapping = xcalloc(modules->count, sizeof(Mapping *));
    for (size_t i = 0; i < modules->count; i++) {
        Mapping *mapping = xcalloc(1, sizeof *mapping);
        perftools__profiles__mapping__init(mapping);
        mapping->id = i + 1;
        mapping->memory_start = modules->all[i].start;
        mapping->memory_limit = modules->all[i].end;
        mapping->filename = string_of(builder, modules->all[i].path);
        mapping->build_id = build_id_of(builder, &modules->all[i].id);
        profile->mapping[profile->n_mapping++] = mapping;
    }
    for (size_t i = 0; i < modules->nmaps; i++) {
        const struct module_map *map = &modules->maps[i];
        Mapping *mapping = profile->mapping[map->module];
        if (!map->is_code || mapping->file_offset != 0)
            continue;
        mapping->memory_start = map->start;
        mapping->memory_limit = map->end;
        mapping->file_offset = map->offset;
    }
}

/* What is known of the functions of a module's locations. */
static void mark_mappings(struct builder *builder)
{
    Profile *profile = &builder->profile;

    for (size_t i = 0; i < profile->n_location; i++) {
        const Location *location = profile->location[i];
        if (location->mapping_id == 0 || location->n_line == 0)
            continue;
        Mapping *mapping = profile->mapping[location->mapping_id - 1];
        mapping->has_functions = true;
        mapping->has_inline_frames |= location->n_line > 1;
        if (location->line[0]->line > 0) {
            mapping->has_filenames = true;
            mapping->has_line_numbers = true;
        }
    }
}

static void add_times(struct builder *builder)
{
    const struct prof *head = &builder->exported->profile->head;
    uint64_t until = builder->exported->profile->now_ms;
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    builder->profile.time_nanos =
        (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    if (until > head->started_ms) {
        builder->profile.duration_nanos =
            (int64_t)(until - head->started_ms) * 1000000;
    }
}

static void build(struct builder *builder)
{
    const struct exported *exported = builder->exported;
    Profile *profile = &builder->profile;

    perftools__profiles__profile__init(profile);
    (void)string_of(builder, "");
    profile->sample_type = xcalloc(NTYPES, sizeof(ValueType *));
    profile->n_sample_type = NTYPES;
    for (unsigned i = 0; i < NTYPES; i++) {
        profile->sample_type[i] =
            type_of(builder, metric_names[metrics[i]],
                    metric_is_bytes(metrics[i]) ? "bytes" : "count");
    }
    profile->period_type = type_of(builder, "space", "bytes");
    profile->period = (int64_t)exported->profile->head.period;
    profile->default_sample_type =
        string_of(builder, metric_names[METRIC_LIVE_BYTES]);
    add_mappings(builder);
    for (size_t i = 0; i < exported->profile->nstacks; i++) {
        if (exported->figures[i].samples > 0)
            add_sample(builder, i);
    }
    mark_mappings(builder);
    add_times(builder);
}

static void unbuild(struct builder *builder)
{
    Profile *profile = &builder->profile;

    for (size_t i = 0; i < profile->n_sample_type; i++)
        free(profile->sample_type[i]);
    for (size_t i = 0; i < profile->n_mapping; i++)
        free(profile->mapping[i]);
    for (size_t i = 0; i < profile->n_function; i++)
        free(profile->function[i]);
    for (size_t i = 0; i < profile->n_location; i++) {
        for (size_t l = 0; l < profile->location[i]->n_line; l++)
            free(profile->location[i]->line[l]);
        free(profile->location[i]->line);
        free(profile->location[i]);
    }
    for (size_t i = 0; i < profile->n_sample; i++) {
        free(profile->sample[i]->location_id);
        free(profile->sample[i]->value);
        free(profile->sample[i]);
    }
    free(profile->sample_type);
    free(profile->mapping);
    free(profile->function);
    free(profile->location);
    free(profile->sample);
    free(profile->period_type);
    free(profile->string_table);
    index_map_free(&builder->strings);
    index_map_free(&builder->functions);
    index_map_free(&builder->locations);
}

/* As gzip writes it. */
static bool write_packed(FILE *stream, const uint8_t *bytes, size_t size)
{
    enum { GZIP = 16, STEP = 1 << 30 };
    static uint8_t out[1 << 16];
    z_stream zip = {0};
    int state = Z_OK;

    if (deflateInit2(&zip, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + GZIP,
                     8, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    zip.next_in = (Bytef *)(uintptr_t)bytes;
    while (state != Z_STREAM_END && ferror(stream) == 0) {
        size_t left = size - (size_t)(zip.next_in - bytes);
        zip.avail_in = (uInt)(left < STEP ? left : STEP);
        zip.next_out = out;
        zip.avail_out = sizeof out;
        state = deflate(&zip, left <= STEP ? Z_FINISH : Z_NO_FLUSH);
        (void)fwrite(out, 1, sizeof out - zip.avail_out, stream);
    }
    (void)deflateEnd(&zip);
    return ferror(stream) == 0;
}

bool export_pprof(FILE *stream, const struct exported *exported)
{
    struct builder builder = {.exported = exported};

    build(&builder);
    size_t size =
        perftools__profiles__profile__get_packed_size(&builder.profile);
    uint8_t *bytes = xcalloc(1, size);
    (void)perftools__profiles__profile__pack(&builder.profile, bytes);
    bool written = write_packed(stream, bytes, size);
    free(bytes);
    unbuild(&builder);
    return written;
}
