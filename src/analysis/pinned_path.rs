//! The search path to which a function can be set without a change in the meaning of its names.

use crate::analysis::prelude::*;
use crate::analysis::search_path_effects::Paths;

/// Extensions with operators. Operators are found through the path: without the schema of citext, `=` on citext becomes that of text.
pub const OPERATOR_EXTENSIONS: [&str; 10] =
    ["citext", "cube", "hstore", "intarray", "ip4r", "ltree", "pg_trgm", "pgroonga", "postgis", "vector"];

/// Functions of pg_catalog, and syntax that looks like a call, that migrations commonly use.
const BUILTIN: &str = " abs age any array_agg array_append array_cat array_length array_position array_prepend array_remove \
    array_replace array_to_json array_to_string array_upper ascii avg bit_and bit_or bool_and bool_or btrim cardinality cast ceil \
    ceiling char_length chr clock_timestamp coalesce concat concat_ws convert_from convert_to corr count cume_dist currval \
    current_setting current_user date_bin date_part date_trunc daterange decode dense_rank div encode every exp extract first_value \
    floor format gen_random_uuid generate_series get_byte greatest has_table_privilege hashtext hashtextextended initcap int4range \
    int8range isfinite json_agg json_array_elements json_array_elements_text json_array_length json_build_array json_build_object \
    json_each json_each_text json_object json_object_agg json_object_keys json_populate_record json_populate_recordset \
    json_strip_nulls json_to_record json_to_recordset json_typeof jsonb_agg jsonb_array_elements jsonb_array_elements_text \
    jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text jsonb_extract_path jsonb_extract_path_text \
    jsonb_insert jsonb_object jsonb_object_agg jsonb_object_keys jsonb_path_exists jsonb_path_query jsonb_path_query_array \
    jsonb_populate_record jsonb_populate_recordset jsonb_pretty jsonb_set jsonb_strip_nulls jsonb_to_record jsonb_to_recordset \
    jsonb_typeof justify_interval lag last_value lastval lead least left length ln log lower lpad ltrim make_date make_interval \
    make_time make_timestamp make_timestamptz max md5 min mod mode nextval now nth_value ntile nullif num_nonnulls num_nulls \
    numrange octet_length overlay percent_rank percentile_cont percentile_disc pg_advisory_lock pg_advisory_unlock \
    pg_advisory_xact_lock pg_backend_pid pg_column_size pg_has_role pg_notify pg_relation_size pg_size_pretty pg_sleep \
    pg_total_relation_size pg_try_advisory_lock pg_try_advisory_xact_lock pg_typeof phraseto_tsquery plainto_tsquery position power \
    quote_ident quote_literal quote_nullable random rank regexp_match regexp_matches regexp_replace regexp_split_to_array \
    regexp_split_to_table repeat replace reverse right round row row_number row_to_json rpad rtrim session_user set_config setseed \
    setval setweight sha256 sign split_part sqrt starts_with statement_timestamp stddev stddev_pop stddev_samp string_agg \
    string_to_array strpos substr substring sum timezone to_char to_date to_json to_jsonb to_number to_regclass to_timestamp \
    to_tsquery to_tsvector transaction_timestamp translate trim trunc ts_headline ts_rank ts_rank_cd tsrange tstzrange txid_current \
    unnest upper var_pop var_samp variance websearch_to_tsquery width_bucket ";

/// Returns the path as SQL, and whether the function certainly keeps its behavior.
pub fn pinned<'a>(cx: &State, paths: &mut Paths<'a>, function: &'a Function) -> (String, Safety) {
    let resolution = paths.of(function);
    if !resolution.unknown && resolution.schemas.is_empty() {
        return ("''".into(), Safety::Safe);
    }
    let exists = |schema: &&str| cx.catalog.schemas.contains(&SmolStr::from(*schema));
    let own = function.name.schema.as_str();
    // a request to a schema of the API searches that schema first
    let own = Some(own).filter(|own| cx.is_exposed(own) && *own != "public" && *own != "extensions");
    let usual = own.into_iter().chain(["public", "extensions"]).filter(exists);
    // without "$user"; pg_temp is named so that it is searched last
    let path = usual.filter(|schema| resolution.unknown || resolution.schemas.contains(*schema)).map(quote_ident).chain(["pg_temp".into()]);
    (path.collect::<Vec<_>>().join(", "), if resolution.unknown { Safety::Review } else { Safety::Safe })
}

/// Returns a table or function that a body uses without a schema, that the usual path finds, and that does not exist in `auth`.
pub fn unfound_in_auth(cx: &State, function: &Function) -> Option<SmolStr> {
    let missing = |found: Option<QName>| found.filter(|name| matches!(name.schema.as_str(), "public" | "extensions")).map(|name| name.name);
    let relation = |name: &ObjectName, origin: &Origin| {
        let bare = name.parts.len() == 1 && cx.catalog.relation_kind(&QName::new("auth", name.last())).is_none();
        missing(origin.named(name).filter(|_| bare))
    };
    let mut first = None;
    for (origin, code) in cx.code_of(function) {
        if let Code::Data(Data::Insert(insert)) = code {
            first = first.or_else(|| relation(&insert.table, &origin));
        }
        code.walk(&mut |node| {
            let found = match node {
                Node::From(FromItem { relation: FromRelation::Table { name, .. }, .. }) => relation(name, &origin),
                Node::Expr(Expr { kind: ExprKind::Call(call), .. }) if call.name.parts.len() == 1 && !is_builtin(call.name.last()) => {
                    let names = ["public", "extensions"].map(|schema| QName::new(schema, call.name.last()));
                    missing(names.into_iter().find(|name| cx.catalog.functions.contains(name)))
                        .filter(|name| !cx.catalog.functions.contains(&QName::new("auth", name.clone())))
                }
                _ => None,
            };
            first = first.take().or(found);
            Walk::Into
        });
    }
    first
}

pub fn is_builtin(name: &str) -> bool {
    BUILTIN.split(' ').any(|known| known == name)
}
