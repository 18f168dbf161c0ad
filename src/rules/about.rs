//! Subjects of diagnostics: the identity of the object, and whether the catalog knows it for certain.

use crate::catalog::name::QName;
use crate::catalog::object::*;
use crate::finding::Subject;
use smol_str::SmolStr;

/// The subject of a diagnostic, and the certainty of what is known about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    pub subject: Subject,
    /// Whether all statements that define the subject certainly run.
    pub certain: bool,
}

fn about(kind: &'static str, schema: Option<&SmolStr>, table: Option<&SmolStr>, name: impl Into<SmolStr>, certain: bool) -> About {
    About { subject: Subject { kind, schema: schema.cloned(), table: table.cloned(), name: name.into() }, certain }
}

fn certain(certainty: Certainty) -> bool {
    certainty == Certainty::Certain
}

/// Returns whether a migration creates the table. Other tables are known only from statements that refer to them.
fn known(table: &Table) -> bool {
    certain(table.certainty) && !table.external
}

impl About {
    pub fn table(table: &Table) -> About {
        about("table", Some(&table.name.schema), None, table.name.name.clone(), known(table))
    }

    pub fn policy(table: &Table, policy: &Policy) -> About {
        // a policy is known from its own statement, even if no migration creates the table
        About::part("policy", table, &policy.name, certain(policy.certainty) && certain(table.certainty))
    }

    pub fn column(table: &Table, column: &Column) -> About {
        About::part("column", table, &column.name, certain(column.certainty) && known(table))
    }

    pub fn index(table: &Table, index: &Index) -> About {
        About::part("index", table, &index.name, certain(index.certainty) && known(table))
    }

    pub fn constraint(table: &Table, constraint: &Constraint) -> About {
        About::part("constraint", table, &constraint.name, certain(constraint.certainty) && known(table))
    }

    fn part(kind: &'static str, table: &Table, name: &SmolStr, certain: bool) -> About {
        about(kind, Some(&table.name.schema), Some(&table.name.name), name.clone(), certain)
    }

    /// Returns the subject of a function. Its name includes the argument types, which separate overloads.
    pub fn function(function: &Function) -> About {
        let name = format!("{}({})", function.name.name, function.signature().join(", "));
        about("function", Some(&function.name.schema), None, name, certain(function.certainty))
    }

    pub fn view(view: &View) -> About {
        about("view", Some(&view.name.schema), None, view.name.name.clone(), certain(view.certainty))
    }

    pub fn sequence(sequence: &Sequence) -> About {
        about("sequence", Some(&sequence.name.schema), None, sequence.name.name.clone(), certain(sequence.certainty))
    }

    pub fn bucket(bucket: &Bucket) -> About {
        about("bucket", None, None, bucket.id.clone(), certain(bucket.certainty))
    }

    pub fn extension(extension: &Extension) -> About {
        about("extension", None, None, extension.name.clone(), certain(extension.certainty))
    }

    /// Returns the subject of a migration file.
    pub fn migration(name: &str) -> About {
        about("migration", None, None, name, true)
    }

    /// Returns the subject of a statement by its first words. [`super::draft::DiagnosticBuilder::discriminate`] separates statements with the same
    /// first words.
    pub fn statement(head: &str) -> About {
        about("statement", None, None, head, true)
    }

    /// Returns the subject of a table, view or function that code names, whether or not it exists.
    pub fn named(kind: &'static str, name: &QName) -> About {
        about(kind, Some(&name.schema), None, name.name.clone(), true)
    }

    /// Returns the subject of a column that code names, whether or not it exists.
    pub fn named_column(relation: &QName, column: &str) -> About {
        about("column", Some(&relation.schema), Some(&relation.name), column, true)
    }

    /// Returns the subject of a file of application code.
    pub fn file(path: &str) -> About {
        about("file", None, None, path, true)
    }

    pub fn project() -> About {
        about("project", None, None, "project", true)
    }

    /// Returns the same subject, which is certain only if the given fact is certain too.
    pub fn given(mut self, certainty: Certainty) -> About {
        self.certain &= certain(certainty);
        self
    }
}

impl From<&Table> for About {
    fn from(table: &Table) -> About {
        About::table(table)
    }
}

impl From<&View> for About {
    fn from(view: &View) -> About {
        About::view(view)
    }
}

impl From<&Function> for About {
    fn from(function: &Function) -> About {
        About::function(function)
    }
}

impl From<(&Table, &Policy)> for About {
    fn from((table, policy): (&Table, &Policy)) -> About {
        About::policy(table, policy)
    }
}

impl From<(&Table, &Column)> for About {
    fn from((table, column): (&Table, &Column)) -> About {
        About::column(table, column)
    }
}

impl From<(&Table, &Index)> for About {
    fn from((table, index): (&Table, &Index)) -> About {
        About::index(table, index)
    }
}

impl From<(&Table, &Constraint)> for About {
    fn from((table, constraint): (&Table, &Constraint)) -> About {
        About::constraint(table, constraint)
    }
}
