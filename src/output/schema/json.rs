//! `schema --format json`. Types, letters and lists have the form of PostgreSQL's catalogs, so that both can be compared.

use super::{Listing, certainty, is_own, search_path};
use crate::catalog::acl::Privileges;
use crate::catalog::name::QName;
use crate::catalog::object::*;
use crate::output::write_json;
use crate::source::Site;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use smol_str::SmolStr;
use std::io::{self, Write};

/// Sequence that is serialized while it is read, so that memory use stays low.
struct Stream<F>(F);

impl<F, I> Serialize for Stream<F>
where
    F: Fn() -> I,
    I: Iterator,
    I::Item: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

struct Document<'a>(&'a Listing<'a>);

pub fn write(listing: &Listing<'_>, out: &mut dyn Write) -> io::Result<()> {
    write_json(out, &Document(listing))
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let listing = *self.0;
        let catalog = listing.catalog;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("version", &1)?;
        map.serialize_entry("tables", &Stream(|| listing.tables().map(|table| table_entry(listing, table))))?;
        map.serialize_entry("views", &Stream(|| listing.views().map(|view| view_entry(listing, view))))?;
        map.serialize_entry("policies", &Stream(|| catalog.tables.values().flat_map(|table| policies(listing, table))))?;
        map.serialize_entry("indexes", &Stream(|| indexes(listing)))?;
        map.serialize_entry("constraints", &Stream(|| listing.tables().flat_map(|table| constraints(listing, table))))?;
        map.serialize_entry("functions", &Stream(|| listing.functions().map(|function| function_entry(listing, function))))?;
        map.serialize_entry("triggers", &Stream(|| triggers(listing)))?;
        map.serialize_entry("enums", &Stream(|| listing.types().filter_map(|ty| enum_entry(listing, ty))))?;
        let buckets = || catalog.buckets.values().filter(|bucket| !bucket.at.is_platform());
        map.serialize_entry("buckets", &Stream(|| buckets().map(|bucket| bucket_entry(listing, bucket))))?;
        map.serialize_entry("extensions", &Stream(|| catalog.extensions.values().map(|extension| extension_entry(listing, extension))))?;
        map.serialize_entry("publication_tables", &Stream(|| publication_tables(listing)))?;
        map.end()
    }
}

/// Location of an object, and the certainty that it exists.
#[derive(Serialize)]
struct Origin<'a> {
    at: Place<'a>,
    certainty: &'static str,
}

#[derive(Serialize)]
pub(super) struct Place<'a> {
    pub file: &'a str,
    pub line: u32,
}

fn origin(listing: Listing<'_>, at: Site, sure: Certainty) -> Origin<'_> {
    let (file, line) = listing.place(at);
    Origin { at: Place { file, line }, certainty: certainty(sure) }
}

#[derive(Serialize)]
struct TableEntry<'a> {
    schema: &'a str,
    name: &'a str,
    rls_enabled: bool,
    rls_forced: bool,
    anon_select: bool,
    authenticated_select: bool,
    anon_write: Vec<&'static str>,
    authenticated_write: Vec<&'static str>,
    external: bool,
    #[serde(flatten)]
    origin: Origin<'a>,
    columns: Vec<ColumnEntry<'a>>,
}

#[derive(Serialize)]
struct ColumnEntry<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    ty: SmolStr,
    not_null: bool,
    default: Option<String>,
    #[serde(flatten)]
    origin: Origin<'a>,
}

fn table_entry<'a>(listing: Listing<'a>, table: &'a Table) -> TableEntry<'a> {
    let reads = |role| listing.catalog.table_privileges(role, table).contains(Privileges::SELECT);
    TableEntry {
        schema: &table.name.schema,
        name: &table.name.name,
        rls_enabled: table.rls.value,
        rls_forced: table.force_rls.value,
        anon_select: reads("anon"),
        authenticated_select: reads("authenticated"),
        anon_write: listing.writes("anon", table),
        authenticated_write: listing.writes("authenticated", table),
        external: table.external,
        origin: origin(listing, table.created, table.certainty),
        columns: table
            .columns
            .iter()
            .map(|column| ColumnEntry {
                name: &column.name,
                ty: column.ty.canonical(),
                not_null: column.not_null.value,
                default: listing.default(column),
                origin: origin(listing, column.at, column.certainty),
            })
            .collect(),
    }
}

#[derive(Serialize)]
struct ViewEntry<'a> {
    schema: &'a str,
    name: &'a str,
    kind: &'static str,
    security_invoker: bool,
    anon_select: bool,
    authenticated_select: bool,
    #[serde(flatten)]
    origin: Origin<'a>,
    columns: Vec<ViewColumnEntry<'a>>,
}

#[derive(Serialize)]
struct ViewColumnEntry<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    ty: Option<SmolStr>,
}

fn view_entry<'a>(listing: Listing<'a>, view: &'a View) -> ViewEntry<'a> {
    let reads = |role| {
        let held = listing.catalog.privileges(role, &view.acl, &view.owner, crate::syntax::ast::ObjectKind::View);
        held.contains(Privileges::SELECT)
    };
    ViewEntry {
        schema: &view.name.schema,
        name: &view.name.name,
        kind: if view.materialized { "m" } else { "v" },
        security_invoker: view.security_invoker.value,
        anon_select: reads("anon"),
        authenticated_select: reads("authenticated"),
        origin: origin(listing, view.at, view.certainty),
        columns: view
            .columns
            .iter()
            .map(|column| ViewColumnEntry { name: &column.name, ty: column.ty.as_ref().map(DataType::canonical) })
            .collect(),
    }
}

#[derive(Serialize)]
struct PolicyEntry<'a> {
    schema: &'a str,
    table: &'a str,
    name: &'a str,
    permissive: &'static str,
    roles: &'a [SmolStr],
    cmd: &'static str,
    qual: Option<String>,
    with_check: Option<String>,
    #[serde(flatten)]
    origin: Origin<'a>,
}

fn policies<'a>(listing: Listing<'a>, table: &'a Table) -> impl Iterator<Item = PolicyEntry<'a>> {
    let mut policies: Vec<&Policy> = table.policies.iter().filter(|policy| is_own(policy.at, table.of_extension)).collect();
    policies.sort_by(|a, b| a.name.cmp(&b.name));
    policies.into_iter().map(move |policy| PolicyEntry {
        schema: &table.name.schema,
        table: &table.name.name,
        name: &policy.name,
        permissive: if policy.permissive { "PERMISSIVE" } else { "RESTRICTIVE" },
        roles: &policy.roles,
        cmd: policy.command.word(),
        qual: policy.using.as_ref().map(|expr| expr.text(listing.sources)),
        with_check: policy.check.as_ref().map(|expr| expr.text(listing.sources)),
        origin: origin(listing, policy.at, policy.certainty),
    })
}

#[derive(Serialize)]
struct IndexEntry<'a> {
    schema: &'a str,
    table: &'a str,
    name: &'a str,
    columns: Vec<&'a str>,
    is_unique: bool,
    is_primary: bool,
    method: &'a str,
    predicate: Option<String>,
    #[serde(flatten)]
    origin: Origin<'a>,
}

fn indexes<'a>(listing: Listing<'a>) -> impl Iterator<Item = IndexEntry<'a>> {
    let of_tables = listing.tables().map(|table| (&table.name, &table.indexes));
    let of_views = listing.views().map(|view| (&view.name, &view.indexes));
    let mut homes: Vec<(&QName, &Vec<Index>)> = of_tables.chain(of_views).collect();
    homes.sort_by_key(|(name, _)| *name);
    homes.into_iter().flat_map(move |(home, indexes)| {
        let mut indexes: Vec<&Index> = indexes.iter().collect();
        indexes.sort_by(|a, b| a.name.cmp(&b.name));
        indexes.into_iter().map(move |index| IndexEntry {
            schema: &home.schema,
            table: &home.name,
            name: &index.name,
            // pg_index.indkey contains key and INCLUDE columns, and 0 for an expression
            columns: index
                .columns
                .iter()
                .map(|column| column.column.as_deref().unwrap_or("<expr>"))
                .chain(index.include.iter().map(SmolStr::as_str))
                .collect(),
            is_unique: index.unique,
            is_primary: index.primary,
            method: &index.method,
            predicate: index.predicate.as_ref().map(|expr| expr.text(listing.sources)),
            origin: origin(listing, index.at, index.certainty),
        })
    })
}

#[derive(Serialize)]
struct ConstraintEntry<'a> {
    schema: &'a str,
    table: &'a str,
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    columns: &'a [SmolStr],
    ref_table: Option<String>,
    ref_columns: Option<&'a [SmolStr]>,
    on_delete: Option<&'static str>,
    validated: bool,
    #[serde(flatten)]
    origin: Origin<'a>,
}

fn constraints<'a>(listing: Listing<'a>, table: &'a Table) -> impl Iterator<Item = ConstraintEntry<'a>> {
    let mut constraints: Vec<&Constraint> = table.constraints.iter().collect();
    constraints.sort_by(|a, b| a.name.cmp(&b.name));
    constraints.into_iter().map(move |constraint| {
        let key = constraint.references.as_ref();
        ConstraintEntry {
            schema: &table.name.schema,
            table: &table.name.name,
            name: &constraint.name,
            kind: constraint.kind.letter(),
            columns: &constraint.columns,
            ref_table: key.map(|key| key.table.to_string()),
            ref_columns: key.map(|key| key.columns.as_slice()),
            on_delete: key.map(|key| action_letter(key.on_delete)),
            validated: constraint.validated.value,
            origin: origin(listing, constraint.at, constraint.certainty),
        }
    })
}

/// Returns `confdeltype` of pg_constraint.
fn action_letter(action: ReferentialAction) -> &'static str {
    match action {
        ReferentialAction::NoAction => "a",
        ReferentialAction::Restrict => "r",
        ReferentialAction::Cascade => "c",
        ReferentialAction::SetNull => "n",
        ReferentialAction::SetDefault => "d",
    }
}

#[derive(Serialize)]
struct FunctionEntry<'a> {
    schema: &'a str,
    name: &'a str,
    args: String,
    result: Option<String>,
    kind: &'static str,
    security_definer: bool,
    language: &'a str,
    volatility: &'static str,
    search_path: Option<SmolStr>,
    anon_execute: bool,
    authenticated_execute: bool,
    #[serde(flatten)]
    origin: Origin<'a>,
}

fn function_entry<'a>(listing: Listing<'a>, function: &'a Function) -> FunctionEntry<'a> {
    FunctionEntry {
        schema: &function.name.schema,
        name: &function.name.name,
        args: function.identity_arguments(),
        result: function.result(),
        kind: match function.kind {
            RoutineKind::Function => "f",
            RoutineKind::Procedure => "p",
            RoutineKind::Aggregate => "a",
        },
        security_definer: function.security_definer.value,
        language: &function.language,
        volatility: match function.volatility {
            Volatility::Immutable => "i",
            Volatility::Stable => "s",
            Volatility::Volatile => "v",
        },
        search_path: search_path(function),
        anon_execute: listing.catalog.may_execute("anon", function),
        authenticated_execute: listing.catalog.may_execute("authenticated", function),
        origin: origin(listing, function.at, function.certainty),
    }
}

#[derive(Serialize)]
struct TriggerEntry<'a> {
    schema: &'a str,
    table: &'a str,
    name: &'a str,
    function: String,
    enabled: bool,
    #[serde(flatten)]
    origin: Origin<'a>,
}

fn triggers<'a>(listing: Listing<'a>) -> impl Iterator<Item = TriggerEntry<'a>> {
    let catalog = listing.catalog;
    let of_tables = catalog.tables.values().filter(|table| !table.of_extension).map(|table| (&table.name, &table.triggers));
    let of_views = catalog.views.values().filter(|view| !view.of_extension).map(|view| (&view.name, &view.triggers));
    let mut homes: Vec<(&QName, &Vec<Trigger>)> = of_tables.chain(of_views).collect();
    homes.sort_by_key(|(name, _)| *name);
    homes.into_iter().flat_map(move |(home, triggers)| {
        let mut triggers: Vec<&Trigger> = triggers.iter().filter(|trigger| !trigger.at.is_platform()).collect();
        triggers.sort_by(|a, b| a.name.cmp(&b.name));
        triggers.into_iter().map(move |trigger| TriggerEntry {
            schema: &home.schema,
            table: &home.name,
            name: &trigger.name,
            function: trigger.function.to_string(),
            enabled: trigger.enabled.value,
            origin: origin(listing, trigger.at, trigger.certainty),
        })
    })
}

#[derive(Serialize)]
struct EnumEntry<'a> {
    schema: &'a str,
    name: &'a str,
    labels: Vec<&'a str>,
    #[serde(flatten)]
    origin: Origin<'a>,
}

fn enum_entry<'a>(listing: Listing<'a>, ty: &'a Type) -> Option<EnumEntry<'a>> {
    let TypeKind::Enum(labels) = &ty.kind else { return None };
    Some(EnumEntry {
        schema: &ty.name.schema,
        name: &ty.name.name,
        labels: labels.iter().map(|label| label.text.as_str()).collect(),
        origin: origin(listing, ty.at, ty.certainty),
    })
}

#[derive(Serialize)]
struct BucketEntry<'a> {
    id: &'a str,
    name: &'a str,
    public: Option<bool>,
    #[serde(flatten)]
    origin: Origin<'a>,
}

fn bucket_entry<'a>(listing: Listing<'a>, bucket: &'a Bucket) -> BucketEntry<'a> {
    BucketEntry { id: &bucket.id, name: &bucket.name, public: bucket.public, origin: origin(listing, bucket.at, bucket.certainty) }
}

#[derive(Serialize)]
struct ExtensionEntry<'a> {
    name: &'a str,
    schema: &'a str,
    #[serde(flatten)]
    origin: Origin<'a>,
}

fn extension_entry<'a>(listing: Listing<'a>, extension: &'a Extension) -> ExtensionEntry<'a> {
    ExtensionEntry { name: &extension.name, schema: &extension.schema, origin: origin(listing, extension.at, extension.certainty) }
}

#[derive(Serialize)]
struct PublishedEntry<'a> {
    pubname: &'a str,
    schema: &'a str,
    table: &'a str,
    #[serde(flatten)]
    origin: Origin<'a>,
}

fn publication_tables<'a>(listing: Listing<'a>) -> impl Iterator<Item = PublishedEntry<'a>> {
    listing.catalog.publications.values().flat_map(move |publication| {
        listing.catalog.published(publication).into_iter().map(move |(table, at)| PublishedEntry {
            pubname: &publication.name,
            schema: &table.schema,
            table: &table.name,
            origin: origin(listing, at, Certainty::Certain),
        })
    })
}
