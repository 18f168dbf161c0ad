//! Clients of supabase-js: which expressions are clients, and with which key.

use super::code::{Binding, Code, Constant, MAX_STEPS, Step, argument, as_call, as_member, awaited, callee, plain, property, span};
use super::value;
use crate::shape::Import;
use crate::shape::{ClientKind, Named, Schema};
use oxc_ast::ast::{BindingPattern, CallExpression, Expression};
use oxc_semantic::SymbolId;
use oxc_span::GetSpan;
use smol_str::SmolStr;

/// Functions of Supabase's libraries whose names others use too.
const CONSTRUCTORS: [&str; 3] = ["createClient", "createServerClient", "createBrowserClient"];

/// Number of assignments to a variable that are followed.
const MAX_ASSIGNED: usize = 16;

/// How certain it is that an expression is a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// The expression is something else.
    No,
    /// Neither its origin nor its name shows it.
    None,
    /// Its name is that of a client.
    Name,
    /// A function of supabase-js creates it, or its type is `SupabaseClient`.
    Origin,
}

/// What is known of a client.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    pub evidence: Evidence,
    pub kind: ClientKind,
    pub schema: Schema,
    /// The import that it comes from, and the member of the import's value or result.
    pub import: Option<(Import, Vec<SmolStr>)>,
}

impl Known {
    fn no() -> Known {
        Known { evidence: Evidence::No, kind: ClientKind::Unknown, schema: Schema::Default, import: None }
    }

    /// What a name tells.
    fn named(name: &str) -> Known {
        let kind = kind(name);
        let evidence = match evidence(name) {
            Evidence::None if kind == ClientKind::ServiceRole => Evidence::Name,
            evidence => evidence,
        };
        Known { evidence, kind, schema: Schema::Default, import: None }
    }

    /// What two possible values have in common.
    fn or(self, other: Known) -> Known {
        if self.evidence <= Evidence::None {
            return other;
        }
        if other.evidence <= Evidence::None {
            return self;
        }
        Known {
            evidence: self.evidence.min(other.evidence),
            kind: if self.kind == other.kind { self.kind } else { ClientKind::Unknown },
            schema: if self.schema == other.schema { self.schema } else { Schema::Unknown },
            import: self.import.filter(|import| Some(import) == other.import.as_ref()),
        }
    }
}

/// Returns the words of a name in small letters: `supabaseAdmin` has `supabase` and `admin`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before_is_small = false;
    for letter in name.chars() {
        if !letter.is_alphanumeric() || (letter.is_uppercase() && before_is_small) {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
        before_is_small = letter.is_lowercase() || letter.is_numeric();
    }
    words.retain(|word| !word.is_empty());
    words
}

fn evidence(name: &str) -> Evidence {
    if ["storage", "bucket", "decorations"].contains(&name) {
        return Evidence::No;
    }
    const NAMES: [&str; 9] = ["supabase", "supa", "sb", "client", "db", "database", "postgrest", "svc", "admin"];
    let lower = name.to_ascii_lowercase();
    if lower.contains("supabase") || words(name).iter().any(|word| NAMES.contains(&word.as_str())) {
        Evidence::Name
    } else {
        Evidence::None
    }
}

/// Returns the kind of client that a name tells.
fn kind(name: &str) -> ClientKind {
    let words = words(name);
    let has = |word: &str| words.iter().any(|own| own == word);
    let joined = words.concat();
    let is_service = joined == "service" || (has("service") && (has("supabase") || has("client")));
    if is_service || joined.contains("servicerole") || has("admin") || has("svc") {
        ClientKind::ServiceRole
    } else if has("anon") || has("anonymous") {
        ClientKind::Anon
    } else if has("browser") || (has("user") && (has("client") || has("supabase"))) {
        ClientKind::SignedIn
    } else {
        ClientKind::Unknown
    }
}

/// Returns what is known of a client.
pub fn known<'a>(code: &Code<'a, '_>, expression: &'a Expression<'a>, steps: usize) -> Known {
    let expression = awaited(expression);
    let Some(steps) = steps.checked_sub(1).filter(|_| code.spend()) else { return Known::named("") };
    match expression {
        Expression::Identifier(name) => {
            let text = name.name.as_str();
            match code.symbol(name) {
                Some(symbol) => of_variable(code, symbol, text, steps),
                None if text.starts_with(char::is_uppercase) => Known::no(),
                None => Known::named(text),
            }
        }
        Expression::ConditionalExpression(either) => known(code, &either.consequent, steps).or(known(code, &either.alternate, steps)),
        Expression::LogicalExpression(either) => known(code, &either.left, steps).or(known(code, &either.right, steps)),
        Expression::AssignmentExpression(assignment) => known(code, &assignment.right, steps),
        Expression::NewExpression(new) => match plain(&new.callee) {
            Expression::Identifier(name) if ["PostgrestClient", "SupabaseClient"].contains(&name.name.as_str()) => {
                let kind = new.arguments.get(1).and_then(|argument| argument.as_expression()).map(|key| key_kind(code, key));
                Known { evidence: Evidence::Origin, kind: kind.unwrap_or(ClientKind::Unknown), schema: Schema::Default, import: None }
            }
            _ => Known::no(),
        },
        Expression::ThisExpression(_) | Expression::Super(_) => Known::named(""),
        _ => {
            if let Some(call) = as_call(expression) {
                of_call(code, call, steps)
            } else if let Some(member) = as_member(expression) {
                of_member(code, member, steps)
            } else if let Expression::PrivateFieldExpression(field) = expression {
                let name = field.field.name.as_str();
                of_field(code, name, steps).unwrap_or_else(|| Known::named(name))
            } else {
                Known::named("")
            }
        }
    }
}

fn of_field<'a>(code: &Code<'a, '_>, name: &str, steps: usize) -> Option<Known> {
    let values = code.fields.get(name)?.iter().take(MAX_ASSIGNED).map(|value| known(code, value, steps));
    values.reduce(Known::or).filter(|known| known.evidence == Evidence::Origin || known.import.is_some())
}

fn of_member<'a>(code: &Code<'a, '_>, member: &'a oxc_ast::ast::StaticMemberExpression<'a>, steps: usize) -> Known {
    let name = member.property.name.as_str();
    if name.starts_with(char::is_uppercase) {
        return Known::no();
    }
    if matches!(member.object, Expression::ThisExpression(_))
        && let Some(known) = of_field(code, name, steps)
    {
        return known;
    }
    // a member of an object that a function of this file returns
    if let Some(value) = part(code, &member.object, name, steps) {
        let found = known(code, value, steps);
        if found.evidence == Evidence::Origin {
            return found;
        }
    }
    let import = imported(code, &member.object).map(|import| (import, vec![SmolStr::new(name)]));
    Known { import, ..Known::named(name) }
}

/// Returns the import that an expression is, or that it calls.
fn imported<'a>(code: &Code<'a, '_>, expression: &'a Expression<'a>) -> Option<Import> {
    let value = match code.constant(awaited(expression), MAX_STEPS) {
        Constant::Import(import, path) => return path.is_empty().then_some(import),
        Constant::Value(value) => awaited(value),
        Constant::Enum(_) => return None,
    };
    match code.constant(&as_call(value)?.callee, MAX_STEPS) {
        Constant::Import(import, path) => path.is_empty().then_some(import),
        _ => None,
    }
}

/// Returns a member of an object that the file itself creates.
fn part<'a>(code: &Code<'a, '_>, object: &'a Expression<'a>, name: &str, steps: usize) -> Option<&'a Expression<'a>> {
    let value = match code.constant(awaited(object), MAX_STEPS) {
        Constant::Value(value) => awaited(value),
        _ => return None,
    };
    match value {
        Expression::ObjectExpression(object) => property(object, name),
        value => {
            let call = as_call(value)?;
            let function = function_start(code, &call.callee, steps)?;
            code.returns.get(&function)?.iter().find_map(|returned| match awaited(returned) {
                Expression::ObjectExpression(object) => property(object, name),
                _ => None,
            })
        }
    }
}

fn of_variable<'a>(code: &Code<'a, '_>, symbol: SymbolId, name: &str, steps: usize) -> Known {
    let by_name = || Known::named(name);
    let assigned = || {
        let values = code.assigned.get(&symbol).into_iter().flatten().take(MAX_ASSIGNED);
        let values = values.map(|value| known(code, value, steps));
        values.reduce(Known::or).filter(|known| known.evidence >= Evidence::Name || known.import.is_some())
    };
    let found = match code.binding(symbol) {
        Binding::Value(init, path) => match &path[..] {
            [] => {
                let found = known(code, init, steps);
                let found = match assigned() {
                    Some(assigned) if found.evidence <= Evidence::None => assigned,
                    Some(assigned) => found.or(assigned),
                    None => found,
                };
                // a value of unknown origin has the evidence of its name
                if found.evidence == Evidence::None { Known { evidence: evidence(name), ..found } } else { found }
            }
            [.., Step::Key(key)] => {
                let own = path.len() == 1;
                let origin = part(code, init, key, steps).filter(|_| own).map(|value| known(code, value, steps));
                let import = imported(code, init).filter(|_| own).map(|import| (import, vec![SmolStr::new(key)]));
                match origin {
                    Some(found) if found.evidence >= Evidence::Name => found,
                    _ if import.is_some() && evidence(key) >= Evidence::Name => Known { import, ..Known::named(key) },
                    _ if evidence(key) == Evidence::No => Known::no(),
                    _ if kind(key) == ClientKind::Unknown && evidence(key) <= Evidence::None => by_name(),
                    _ => Known::named(key),
                }
            }
            _ => by_name(),
        },
        Binding::Parameter(parameter, path) => {
            if path.is_empty() && is_client_type(code, &parameter.pattern) {
                Known { evidence: Evidence::Origin, ..by_name() }
            } else {
                by_name()
            }
        }
        Binding::Import(import) => {
            if name.starts_with(char::is_uppercase) {
                return Known::no();
            }
            Known { import: Some((import, Vec::new())), ..by_name() }
        }
        Binding::Function(_) | Binding::Enum(_) => return Known::no(),
        Binding::Element(..) => by_name(),
        Binding::Unknown => assigned().unwrap_or_else(by_name),
    };
    // a key that is unknown tells less than a name
    let found = if found.kind == ClientKind::Unknown { Known { kind: kind(name), ..found } } else { found };
    if found.kind == ClientKind::Anon && signs_in(code, symbol) { Known { kind: ClientKind::SignedIn, ..found } } else { found }
}

/// Returns whether the code signs a user in with the client.
fn signs_in(code: &Code, symbol: SymbolId) -> bool {
    code.scoping.get_resolved_references(symbol).take_while(|_| code.spend()).any(|reference| {
        let member = code.up(reference.node_id());
        let outer = code.up(member);
        match (code.nodes.kind(member), code.nodes.kind(outer)) {
            (oxc_ast::AstKind::StaticMemberExpression(auth), oxc_ast::AstKind::StaticMemberExpression(method)) => {
                auth.property.name == "auth"
                    && (method.property.name.starts_with("signIn")
                        || ["setSession", "verifyOtp", "exchangeCodeForSession", "signUp"].contains(&method.property.name.as_str()))
            }
            _ => false,
        }
    })
}

fn is_client_type(code: &Code, pattern: &BindingPattern) -> bool {
    let Some(annotation) = &pattern.type_annotation else { return false };
    let text = code.slice(span(annotation.span));
    ["SupabaseClient", "PostgrestClient", "TypedSupabase"].into_iter().any(|name| text.contains(name)) && !text.contains("=>")
}

/// Returns the start of the function that an expression is.
pub fn function_start<'a>(code: &Code<'a, '_>, expression: &'a Expression<'a>, steps: usize) -> Option<u32> {
    let steps = steps.checked_sub(1)?;
    match plain(expression) {
        Expression::ArrowFunctionExpression(function) => Some(function.span.start),
        Expression::FunctionExpression(function) => Some(function.span.start),
        Expression::Identifier(name) => match code.binding(code.symbol(name)?) {
            Binding::Function(function) => Some(function.span.start),
            Binding::Value(init, path) if path.is_empty() => function_start(code, init, steps),
            _ => None,
        },
        other => {
            let call = as_call(other)?;
            let name = callee(call).map(|(name, _)| name)?;
            let is_wrapper = ["cache", "once", "memoize", "memo", "unstable_cache", "useCallback", "lazy"].contains(&name);
            function_start(code, argument(call, 0).filter(|_| is_wrapper)?, steps)
        }
    }
}

fn of_call<'a>(code: &Code<'a, '_>, call: &'a CallExpression<'a>, steps: usize) -> Known {
    let Some((name, object)) = callee(call) else { return Known::named("") };
    if let Some(object) = object {
        return match name {
            "schema" => {
                let client = known(code, object, steps);
                let schema = match argument(call, 0).and_then(|schema| value::text(code, schema, MAX_STEPS)) {
                    Some(text) if !text.has_holes() => Schema::Named(Named {
                        span: argument(call, 0).map(|schema| value::inner_span(schema)).unwrap_or_default(),
                        text: SmolStr::new(&text.value),
                    }),
                    _ => Schema::Unknown,
                };
                Known { schema, ..client }
            }
            // query builders of other libraries
            "select" | "selectDistinct" | "selectDistinctOn" | "delete" | "insert" | "update" | "with" | "column" | "columns"
            | "distinct" | "count" | "from" | "table" | "selectFrom" | "replicate" => Known::no(),
            "setHeader" | "bind" => known(code, object, steps),
            name => {
                let found = Known::named(name);
                // `this.client()` of a class in this file
                if found.evidence >= Evidence::Name { found } else { Known::named("") }
            }
        };
    }
    if ["knex", "drizzle", "Knex", "postgres", "neon", "createPool"].contains(&name) {
        return Known::no();
    }
    let by_name = Known::named(name);
    let import = match plain(&call.callee) {
        Expression::Identifier(callee) => code.symbol(callee).map(|symbol| code.binding(symbol)),
        _ => None,
    };
    match import {
        Some(Binding::Import(import)) => {
            let is_package = !import.module.starts_with(['.', '~', '#', '$', '@', '/']);
            if is_package && !import.module.contains("supabase") && CONSTRUCTORS.contains(&name) {
                return Known::no();
            }
            let is_own = import.module.starts_with(['.', '~', '#', '$']) || import.module.starts_with("@/");
            // a function with the arguments of the library's is a re-export of it
            let has_url = argument(call, 0).is_some_and(|url| code.slice(span(url.span())).to_ascii_lowercase().contains("url"));
            let is_library = (import.module.contains("supabase") && !is_own) || (has_url && call.arguments.len() >= 2);
            if is_library && let Some(known) = of_library(code, call, &import.name, steps) {
                return known;
            }
            Known { import: Some((import, Vec::new())), ..by_name }
        }
        Some(_) => {
            if ["useMemo", "useState", "useRef"].contains(&name) {
                return of_memo(code, call, steps).unwrap_or(by_name);
            }
            let returned = function_start(code, &call.callee, MAX_STEPS).and_then(|start| returned(code, start, steps));
            match returned.filter(|known| known.evidence >= Evidence::Name || known.import.is_some()) {
                Some(known) if known.kind == ClientKind::Unknown => Known { kind: by_name.kind, ..known },
                Some(known) => known,
                None => by_name,
            }
        }
        // a global: an auto-import of Nuxt, or a script of a web page
        None => of_library(code, call, name, steps).unwrap_or(by_name),
    }
}

fn of_memo<'a>(code: &Code<'a, '_>, call: &'a CallExpression<'a>, steps: usize) -> Option<Known> {
    let function = argument(call, 0)?;
    match function_start(code, function, steps) {
        Some(start) => returned(code, start, steps),
        None => Some(known(code, function, steps)),
    }
}

/// Returns what is known of the client that a function returns.
pub fn returned(code: &Code, function: u32, steps: usize) -> Option<Known> {
    let steps = steps.checked_sub(1)?;
    let values = code.returns.get(&function)?.iter().filter(|value| !value.is_null_or_undefined());
    values.map(|value| known(code, value, steps)).reduce(Known::or)
}

/// Returns what is known of a client that a function of Supabase's libraries creates.
fn of_library<'a>(code: &Code<'a, '_>, call: &'a CallExpression<'a>, name: &str, steps: usize) -> Option<Known> {
    let client = |kind| Some(Known { evidence: Evidence::Origin, kind, schema: Schema::Default, import: None });
    match name {
        "useMemo" | "useState" | "useRef" => of_memo(code, call, steps),
        "createClient" | "createServerClient" | "createBrowserClient" => {
            let options = argument(call, 2).map(|options| match code.constant(options, MAX_STEPS) {
                Constant::Value(value) => value,
                _ => options,
            });
            let text = options.map_or("", |options| code.slice(span(options.span())));
            let kind = match argument(call, 1) {
                Some(key) => with_options(key_kind(code, key), code, key, text, name),
                None => ClientKind::Unknown,
            };
            let schema = match options {
                Some(Expression::ObjectExpression(options)) => option_schema(code, options),
                _ => Schema::Default,
            };
            Some(Known { evidence: Evidence::Origin, kind, schema, import: None })
        }
        "createClientComponentClient"
        | "createServerComponentClient"
        | "createRouteHandlerClient"
        | "createServerActionClient"
        | "createMiddlewareClient"
        | "createPagesServerClient"
        | "createPagesBrowserClient"
        | "createBrowserSupabaseClient"
        | "createServerSupabaseClient"
        | "useSupabaseClient"
        | "serverSupabaseClient" => client(ClientKind::SignedIn),
        "serverSupabaseServiceRole" => client(ClientKind::ServiceRole),
        _ => None,
    }
}

fn option_schema<'a>(code: &Code<'a, '_>, options: &'a oxc_ast::ast::ObjectExpression<'a>) -> Schema {
    let Some(Expression::ObjectExpression(db)) = property(options, "db").map(plain) else { return Schema::Default };
    let Some(schema) = property(db, "schema") else { return Schema::Default };
    match value::text(code, schema, MAX_STEPS) {
        Some(text) if !text.has_holes() => Schema::Named(Named { text: SmolStr::new(&text.value), span: value::inner_span(schema) }),
        _ => Schema::Unknown,
    }
}

/// Returns the kind of client of a key and the options of `createClient`.
fn with_options(kind: ClientKind, code: &Code, key: &Expression, options: &str, function: &str) -> ClientKind {
    let has_token = options.contains("Authorization") || options.contains("authorization") || options.contains("accessToken");
    let upper = options.to_ascii_uppercase();
    match kind {
        ClientKind::ServiceRole if has_token && !(upper.contains("SERVICE") || upper.contains("SECRET")) => ClientKind::SignedIn,
        // a session in the cookies replaces the key
        ClientKind::ServiceRole if function == "createServerClient" => {
            let no_cookies = ["return []", "=> []", "=> undefined", "return undefined", "return null", "=> null", "return ''"];
            if no_cookies.into_iter().any(|none| options.contains(none)) { kind } else { ClientKind::Unknown }
        }
        ClientKind::Anon if function != "createClient" || has_token || options.contains("cookies") => ClientKind::SignedIn,
        ClientKind::Anon if options.contains("persistSession: false") => ClientKind::Anon,
        ClientKind::Anon => {
            let text = key_text(code, key);
            let in_browser = ["PUBLIC_", "VITE_", "REACT_APP_", "import.meta", "localStorage"];
            let is_literal = text.starts_with(['"', '\'', '`']);
            if is_literal || in_browser.into_iter().any(|name| text.contains(name) || options.contains(name)) {
                ClientKind::SignedIn
            } else {
                ClientKind::Anon
            }
        }
        kind => kind,
    }
}

/// Returns the code of a key: of the expression, and of the constant that it names.
fn key_text(code: &Code, key: &Expression) -> String {
    let own = code.slice(span(key.span()));
    match plain(key) {
        Expression::Identifier(name) => {
            let symbol = name.reference_id.get().and_then(|id| code.scoping.get_reference(id).symbol_id());
            let init = symbol.and_then(|symbol| match code.nodes.kind(code.scoping.symbol_declaration(symbol)) {
                oxc_ast::AstKind::VariableDeclarator(declarator) => declarator.init.as_ref(),
                _ => None,
            });
            init.map_or_else(|| own.to_string(), |init| code.slice(span(init.span())).to_string())
        }
        _ => own.to_string(),
    }
}

/// Returns the kind of a key: the role of a token, or what the name of its variable tells.
pub fn key_kind(code: &Code, key: &Expression) -> ClientKind {
    let text = key_text(code, key);
    let literal = text.trim_matches(['"', '\'', '`']);
    if let Some(role) = token_role(literal) {
        return role;
    }
    let by_text = |text: &str| {
        let upper: String = text.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect();
        let service = ["SERVICEROLE", "SERVICEKEY", "SECRET", "ADMINKEY"].into_iter().any(|name| upper.contains(name));
        let anon = ["ANON", "PUBLISHABLE"].into_iter().any(|name| upper.contains(name));
        match (service, anon) {
            (true, false) => Some(ClientKind::ServiceRole),
            (false, true) => Some(ClientKind::Anon),
            (true, true) => Some(ClientKind::Unknown),
            (false, false) => None,
        }
    };
    by_text(&text).or_else(|| by_text(code.slice(span(key.span())))).unwrap_or(ClientKind::Unknown)
}

/// Returns the kind of a key that is in the code itself.
pub fn token_role(key: &str) -> Option<ClientKind> {
    if key.starts_with("sb_secret_") && key.len() > 30 {
        return Some(ClientKind::ServiceRole);
    }
    if key.starts_with("sb_publishable_") {
        return Some(ClientKind::Anon);
    }
    let payload = key.strip_prefix("eyJ")?.split('.').nth(1)?;
    let payload = String::from_utf8(decode(payload)?).ok()?;
    let role = payload.split("\"role\"").nth(1)?.trim_start_matches([':', ' ', '"']);
    if role.starts_with("service_role") { Some(ClientKind::ServiceRole) } else { role.starts_with("anon").then_some(ClientKind::Anon) }
}

/// Decodes base64url.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (mut bits, mut count) = (0u32, 0);
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' | b'+' => 62,
            b'_' | b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xFF_FFFF;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    Some(out)
}
