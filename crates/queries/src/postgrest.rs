//! Parser of PostgREST's query strings: `select` lists, names of columns, and the conditions of `or`.
//!
//! It follows PostgREST's parser: <https://docs.postgrest.org/en/stable/references/api/resource_embedding.html> and
//! <https://docs.postgrest.org/en/stable/references/api/tables_views.html>. A name that contains an unknown part is left out.

use crate::shape::{
    Column, Condition, ConditionKind, Embed, Filter, Join, JsonStep, Named, Operator, Origin, SelectColumn, SelectItem, Selection, Value,
    ValueKind,
};
use crate::text::{HOLE, Text};
use smol_str::SmolStr;
use supalint_syntax::source::Span;

/// Deepest nesting of embeds and groups that is read.
const MAX_DEPTH: usize = 40;

/// Parses a `select` list. supabase-js removes spaces that are not in quotes.
pub fn selection(text: &Text) -> Selection {
    let mut parser = Parser::new(text, true);
    if parser.chars.is_empty() {
        return Selection::Unknown;
    }
    match parser.items(0) {
        Some(items) if parser.at == parser.chars.len() => {
            if text.has_holes() {
                Selection::Some(items)
            } else if let [SelectItem::All(_)] = items[..] {
                Selection::All
            } else {
                Selection::Items(items)
            }
        }
        _ if text.has_holes() => Selection::Unknown,
        _ => Selection::Invalid(parser.span(parser.at, parser.at + 1)),
    }
}

/// Parses the column of a filter, such as `author.settings->>theme`. Returns `None` if a part is unknown or the name is invalid.
pub fn column(text: &Text) -> Option<Column> {
    let mut parser = Parser::new(text, false);
    let column = parser.path()?;
    (parser.at == parser.chars.len() && !text.has_holes()).then_some(column)
}

/// Parses the column of a sort key: a column, or `embed(column)`.
pub fn order_column(text: &Text) -> Option<Column> {
    let mut parser = Parser::new(text, false);
    let first = parser.path()?;
    let column = if parser.take('(') {
        let mut inner = parser.path()?;
        parser.take(')').then_some(())?;
        inner.embeds.insert(0, first.name);
        inner
    } else {
        first
    };
    (parser.at == parser.chars.len() && !text.has_holes()).then_some(column)
}

/// Parses the name of an operator, and returns whether it is negated.
pub fn operator(name: &str) -> (Operator, bool) {
    let (name, negated) = name.strip_prefix("not.").map_or((name, false), |name| (name, true));
    // `eq(any)` and `fts(english)`
    let name = name.split('(').next().unwrap_or(name);
    let operator = match name {
        "eq" => Operator::Eq,
        "neq" => Operator::Neq,
        "gt" => Operator::Gt,
        "gte" => Operator::Gte,
        "lt" => Operator::Lt,
        "lte" => Operator::Lte,
        "like" => Operator::Like,
        "ilike" => Operator::ILike,
        "match" => Operator::Match,
        "imatch" => Operator::IMatch,
        "in" => Operator::In,
        "is" => Operator::Is,
        "isdistinct" => Operator::IsDistinct,
        "cs" => Operator::Contains,
        "cd" => Operator::ContainedBy,
        "ov" => Operator::Overlaps,
        "sl" => Operator::RangeLt,
        "sr" => Operator::RangeGt,
        "nxl" => Operator::RangeGte,
        "nxr" => Operator::RangeLte,
        "adj" => Operator::RangeAdjacent,
        "fts" => Operator::TextSearch,
        "plfts" => Operator::PlainTextSearch,
        "phfts" => Operator::PhraseTextSearch,
        "wfts" => Operator::WebTextSearch,
        _ => Operator::Unknown,
    };
    (operator, negated)
}

/// Parses the text of `or`: conditions with commas between them. `origin` returns the origin of an unknown part.
pub fn conditions(text: &Text, certain: bool, origin: &dyn Fn(Span) -> Origin) -> ConditionsResult {
    let mut parser = Parser::new(text, false);
    match parser.members(certain, origin, 0) {
        // PostgREST ignores what is after a closing parenthesis
        Some(members) if matches!(parser.peek(), None | Some(')')) => ConditionsResult::Members(members),
        _ if text.has_holes() => ConditionsResult::Unknown,
        _ => ConditionsResult::Invalid,
    }
}

pub enum ConditionsResult {
    Members(Vec<Condition>),
    Unknown,
    Invalid,
}

struct Parser<'t> {
    text: &'t Text,
    chars: Vec<(usize, char)>,
    at: usize,
}

impl<'t> Parser<'t> {
    fn new(text: &'t Text, without_spaces: bool) -> Parser<'t> {
        let mut quoted = false;
        let kept = |(_, letter): &(usize, char)| {
            quoted ^= *letter == '"';
            quoted || !without_spaces || !letter.is_whitespace()
        };
        Parser { text, chars: text.value.char_indices().filter(kept).collect(), at: 0 }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).map(|(_, letter)| *letter)
    }

    fn peek_at(&self, by: usize) -> Option<char> {
        self.chars.get(self.at + by).map(|(_, letter)| *letter)
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn take_all(&mut self, wanted: &str) -> bool {
        let found = wanted.chars().enumerate().all(|(by, letter)| self.peek_at(by) == Some(letter));
        self.at += if found { wanted.chars().count() } else { 0 };
        found
    }

    fn span(&self, from: usize, to: usize) -> Span {
        let end = self.text.value.len();
        let start = self.chars.get(from).map_or(end, |(at, _)| *at);
        let last = to.checked_sub(1).and_then(|last| self.chars.get(last)).map_or(end, |(at, letter)| at + letter.len_utf8());
        self.text.span(start, last.max(start))
    }

    fn named(&self, from: usize, to: usize) -> Named {
        let text: String = self.chars[from..to].iter().map(|(_, letter)| letter).collect();
        // spaces around a name are not part of it
        let lead = text.chars().take_while(|letter| letter.is_whitespace()).count();
        let trail = if lead < to - from { text.chars().rev().take_while(|letter| letter.is_whitespace()).count() } else { 0 };
        Named { text: SmolStr::new(text.trim()), span: self.span(from + lead, to - trail) }
    }

    /// `"quoted"`, or letters, digits, `_`, `$`, spaces and single dashes.
    fn name(&mut self) -> Option<Named> {
        let from = self.at;
        if self.peek() == Some('"') {
            return self.quoted();
        }
        while let Some(letter) = self.peek() {
            let is_dash = letter == '-' && self.at > from && self.peek_at(1) != Some('>');
            if !(letter.is_alphanumeric() || matches!(letter, '_' | ' ' | '$' | HOLE) || is_dash) {
                break;
            }
            self.at += 1;
        }
        (self.at > from).then(|| self.named(from, self.at)).filter(|named| !named.text.is_empty())
    }

    fn quoted(&mut self) -> Option<Named> {
        let from = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            let letter = self.peek()?;
            self.at += 1;
            match letter {
                '"' => break,
                '\\' => {
                    text.push(self.peek()?);
                    self.at += 1;
                }
                letter => text.push(letter),
            }
        }
        Some(Named { text: SmolStr::new(text), span: self.span(from + 1, self.at - 1) })
    }

    fn json(&mut self) -> Option<Vec<JsonStep>> {
        let mut steps = Vec::new();
        while self.take_all("->") {
            let as_text = self.take('>');
            let from = self.at;
            let key = if self.take('-') {
                while self.peek().is_some_and(|letter| letter.is_ascii_digit()) {
                    self.at += 1;
                }
                self.named(from, self.at)
            } else {
                self.name()?
            };
            steps.push(JsonStep { key, as_text });
        }
        Some(steps)
    }

    /// Names with points between them, and a JSON path.
    fn path(&mut self) -> Option<Column> {
        let from = self.at;
        let mut names = vec![self.name()?];
        while self.take('.') {
            names.push(self.name()?);
        }
        let name = names.pop()?;
        let json = self.json()?;
        Some(Column { embeds: names, name, json, span: self.span(from, self.at) })
    }

    /// The items of a list up to `)` or the end. Items that are unknown are left out.
    fn items(&mut self, depth: usize) -> Option<Vec<SelectItem>> {
        if depth > MAX_DEPTH {
            return None;
        }
        let mut items = Vec::new();
        if self.peek() == Some(')') {
            return Some(items);
        }
        loop {
            items.extend(self.item(depth)?);
            if !self.take(',') {
                return Some(items);
            }
        }
    }

    /// An item. The inner `None` means that the item is unknown.
    fn item(&mut self, depth: usize) -> Option<Option<SelectItem>> {
        let from = self.at;
        if self.take('*') {
            return self.ends().then(|| Some(SelectItem::All(self.span(from, from + 1))));
        }
        let spread = self.take_all("...");
        let mut name = self.name()?;
        let mut alias = None;
        if self.peek() == Some(':') && self.peek_at(1) != Some(':') {
            self.at += 1;
            alias = Some(std::mem::replace(&mut name, self.name()?));
        }
        let known = |named: &Named| !named.text.contains(HOLE);
        let names_known = known(&name) && alias.as_ref().is_none_or(known);
        if name.text == "count" && self.take_all("()") {
            let _ = self.cast()?;
            return self.ends().then(|| names_known.then(|| SelectItem::Count { alias, span: self.span(from, self.at) }));
        }
        if matches!(self.peek(), Some('!' | '(')) {
            let (mut hint, mut join, mut known_params) = (None, Join::Left, true);
            while self.take('!') {
                let param = self.name()?;
                known_params &= known(&param);
                match param.text.as_str() {
                    "inner" => join = Join::Inner,
                    "left" => join = Join::Left,
                    _ if hint.is_none() => hint = Some(param),
                    _ => return None,
                }
            }
            self.take('(').then_some(())?;
            let items = self.items(depth + 1)?;
            self.take(')').then_some(())?;
            let span = self.span(from, self.at);
            let embed = Embed { alias, resource: name, hint, join, spread, items, span };
            return self.ends().then(|| (names_known && known_params).then_some(SelectItem::Embed(embed)));
        }
        if spread {
            return None;
        }
        let json = self.json()?;
        let column_end = self.at;
        let mut cast = self.cast()?;
        let mut aggregate = None;
        if self.take('.') {
            aggregate = Some(self.name()?);
            self.take_all("()").then_some(())?;
            cast = self.cast()?.or(cast);
        }
        if !self.ends() {
            return None;
        }
        let json_known = json.iter().all(|step| known(&step.key));
        let column = Column { embeds: Vec::new(), span: name.span.to(self.span(column_end.max(1) - 1, column_end)), name, json };
        let item = SelectColumn { alias, column, aggregate, cast, span: self.span(from, self.at) };
        Some((names_known && json_known).then_some(SelectItem::Column(item)))
    }

    fn cast(&mut self) -> Option<Option<Named>> {
        if !self.take_all("::") {
            return Some(None);
        }
        self.name().map(Some)
    }

    fn ends(&self) -> bool {
        matches!(self.peek(), None | Some(',' | ')'))
    }

    fn members(&mut self, certain: bool, origin: &dyn Fn(Span) -> Origin, depth: usize) -> Option<Vec<Condition>> {
        if depth > MAX_DEPTH {
            return None;
        }
        let mut members = Vec::new();
        loop {
            while self.peek() == Some(' ') {
                self.at += 1;
            }
            members.push(self.member(certain, origin, depth)?);
            if !self.take(',') {
                return Some(members);
            }
        }
    }

    fn member(&mut self, certain: bool, origin: &dyn Fn(Span) -> Origin, depth: usize) -> Option<Condition> {
        let from = self.at;
        let negated = self.take_all("not.");
        for (word, is_any) in [("and(", false), ("or(", true)] {
            if self.take_all(word) {
                let members = self.members(certain, origin, depth + 1)?;
                self.take(')').then_some(())?;
                let embeds = Vec::new();
                let kind = if is_any { ConditionKind::Any { embeds, members } } else { ConditionKind::All { embeds, members } };
                return Some(Condition { kind, negated, certain, span: self.span(from, self.at) });
            }
        }
        if negated {
            return None;
        }
        let column_from = self.at;
        let name = self.name()?;
        if name.text.chars().eq([HOLE]) && matches!(self.peek(), None | Some(',' | ')')) {
            return Some(Condition { kind: ConditionKind::Unknown, negated: false, certain, span: name.span });
        }
        let json = self.json()?;
        let is_unknown = name.text.contains(HOLE) || json.iter().any(|step| step.key.text.contains(HOLE));
        let column = Column { embeds: Vec::new(), span: self.span(column_from, self.at), name, json };
        self.take('.').then_some(())?;
        let negated = self.take_all("not.");
        let operator_from = self.at;
        while self.peek().is_some_and(|letter| letter.is_alphabetic() || letter == HOLE) {
            self.at += 1;
        }
        let word = self.named(operator_from, self.at);
        if self.take('(') {
            while self.peek()? != ')' {
                self.at += 1;
            }
            self.at += 1;
        }
        self.take('.').then_some(())?;
        let operator = operator(&word.text).0;
        if operator == Operator::Unknown && !word.text.contains(HOLE) {
            return None;
        }
        let value = self.value(operator, origin)?;
        let filter = Filter { column: (!is_unknown).then_some(column), operator, value };
        Some(Condition { kind: ConditionKind::Compare(filter), negated, certain, span: self.span(from, self.at) })
    }

    fn value(&mut self, operator: Operator, origin: &dyn Fn(Span) -> Origin) -> Option<Value> {
        let from = self.at;
        if operator == Operator::In && self.take('(') {
            let mut values = Vec::new();
            while self.peek() != Some(')') {
                values.push(self.plain(origin)?);
                if !self.take(',') {
                    break;
                }
            }
            self.take(')').then_some(())?;
            let span = self.span(from, self.at);
            // one unknown part can be several values
            let only_hole = matches!(&values[..], [Value { kind: ValueKind::Dynamic(_), .. }]);
            let kind = if only_hole { ValueKind::Dynamic(Origin::Unknown) } else { ValueKind::List(values) };
            return Some(Value { kind, span });
        }
        let value = self.plain(origin)?;
        if operator == Operator::Is {
            let kind = match &value.kind {
                ValueKind::Text(text) => match text.to_ascii_lowercase().as_str() {
                    "null" => ValueKind::Null,
                    "true" => ValueKind::Bool(true),
                    "false" => ValueKind::Bool(false),
                    _ => value.kind.clone(),
                },
                kind => kind.clone(),
            };
            return Some(Value { kind, span: value.span });
        }
        Some(value)
    }

    /// A quoted value, an array in braces, or text up to `,` or `)`.
    fn plain(&mut self, origin: &dyn Fn(Span) -> Origin) -> Option<Value> {
        let from = self.at;
        let named = if self.peek() == Some('"') {
            self.quoted()?
        } else if self.peek() == Some('{') {
            while self.peek()? != '}' {
                self.at += 1;
            }
            self.at += 1;
            self.named(from, self.at)
        } else {
            while self.peek().is_some_and(|letter| !matches!(letter, ',' | ')')) {
                self.at += 1;
            }
            self.named(from, self.at)
        };
        let kind = match named.text.find(HOLE) {
            None => ValueKind::Text(named.text),
            Some(0) if named.text.chars().count() == 1 => ValueKind::Dynamic(origin(named.span)),
            Some(0) => ValueKind::Dynamic(Origin::Unknown),
            Some(at) => ValueKind::TextStart(SmolStr::new(&named.text[..at])),
        };
        Some(Value { kind, span: named.span })
    }
}
