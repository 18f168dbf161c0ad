use super::super::expression::*;
use super::super::lexer::tokens;
use super::*;

fn try_expr(text: &str) -> Result<Expr> {
    let tokens = tokens(text);
    expression(&mut Cursor::new(text, &tokens), tokens.len())
}

fn expr(text: &str) -> Expr {
    try_expr(text).unwrap_or_else(|error| panic!("{text}: {}", error.message))
}

fn try_data(text: &str) -> Result<Data> {
    let tokens = tokens(text);
    data(&mut Cursor::new(text, &tokens), tokens.len())
}

fn read_data(text: &str) -> Data {
    try_data(text).unwrap_or_else(|error| panic!("{text}: {}", error.message))
}

fn read_query(text: &str) -> Query {
    let tokens = tokens(text);
    query(&mut Cursor::new(text, &tokens), tokens.len()).unwrap_or_else(|error| panic!("{text}: {}", error.message))
}

fn select(text: &str) -> Select {
    read_query(text).select().cloned().unwrap_or_else(|| panic!("{text}"))
}

/// The texts of all nodes, from the outermost inwards.
fn texts(text: &str) -> Vec<&str> {
    expr(text).all().into_iter().map(|expr| expr.span.of(text)).collect()
}

#[test]
fn spans_are_the_text_of_their_nodes() {
    assert_eq!(texts("a.b = ( c + 1 )"), ["a.b = ( c + 1 )", "a.b", "c + 1", "c", "1"]);
    assert_eq!(texts("(a) and not (b)"), ["(a) and not (b)", "a", "not (b)", "b"]);
    assert_eq!(texts("auth.uid( ) = x"), ["auth.uid( ) = x", "auth.uid( )", "x"]);
}
