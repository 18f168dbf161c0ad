//! BEGIN, COMMIT, ROLLBACK and savepoints in a file, and statements that cannot run in a transaction.
//!
//! Promises: ROLLBACK restores the catalog and the session at BEGIN or at the savepoint. If a statement fails inside a transaction, the
//! other statements still apply, although the runner would roll them back. One mistake therefore does not hide later problems.
//! Source: PostgreSQL's documentation, "Transactions" and the pages of the statements.

use super::run::{Database, Outcome};
use crate::catalog::{Session, SqlError};
use crate::source::Site;
use crate::syntax::ast::{AlterAction, Ast, ObjectKind, Transaction};
use smol_str::SmolStr;

/// A savepoint of SAVEPOINT, or of BEGIN, which has no name.
#[derive(Clone)]
pub struct Savepoint {
    name: Option<SmolStr>,
    session: Session,
}

impl Database {
    pub(super) fn transaction(&mut self, change: &Transaction, at: Site) -> Outcome {
        let failed = match change {
            Transaction::Begin => {
                if self.savepoints.is_empty() {
                    self.savepoint(None);
                    self.catalog.session.in_transaction = true;
                    self.catalog.session.began = at.span.end;
                }
                None
            }
            Transaction::Commit => {
                self.end_transaction();
                self.catalog.session.began = at.span.end;
                None
            }
            Transaction::Rollback => {
                self.back_to(0);
                self.catalog.session.in_transaction = false;
                None
            }
            Transaction::Savepoint(_) | Transaction::Release(_) | Transaction::RollbackTo(_) if self.savepoints.is_empty() => {
                let what = match change {
                    Transaction::Savepoint(_) => "SAVEPOINT",
                    Transaction::Release(_) => "RELEASE SAVEPOINT",
                    _ => "ROLLBACK TO SAVEPOINT",
                };
                Some(SqlError::new("25P01", format!("{what} can only be used in transaction blocks")))
            }
            Transaction::Savepoint(name) => {
                self.savepoint(Some(name.clone()));
                None
            }
            Transaction::Release(name) => match self.find_savepoint(name) {
                Ok(at) => {
                    self.savepoints.drain(at..).for_each(|_| self.catalog.commit());
                    None
                }
                Err(reason) => Some(reason),
            },
            Transaction::RollbackTo(name) => match self.find_savepoint(name) {
                Ok(at) => {
                    self.back_to(at);
                    self.savepoint(Some(name.clone()));
                    None
                }
                Err(reason) => Some(reason),
            },
            Transaction::Other => None,
        };
        Outcome { failed, ..Outcome::default() }
    }

    /// Commits all savepoints, at COMMIT and at the end of a file.
    pub fn end_transaction(&mut self) {
        self.savepoints.drain(..).for_each(|_| self.catalog.commit());
        self.catalog.session.in_transaction = false;
    }

    fn savepoint(&mut self, name: Option<SmolStr>) {
        self.catalog.begin();
        self.savepoints.push(Savepoint { name, session: self.catalog.session.clone() });
    }

    /// Undoes all changes since the savepoint at this depth, and removes the savepoint.
    fn back_to(&mut self, depth: usize) {
        for savepoint in self.savepoints.drain(depth..).rev() {
            self.catalog.rollback();
            self.catalog.session = savepoint.session;
        }
    }

    fn find_savepoint(&self, name: &SmolStr) -> Result<usize, SqlError> {
        let found = self.savepoints.iter().rposition(|savepoint| savepoint.name.as_ref() == Some(name));
        found.ok_or_else(|| SqlError::new("3B001", format!("savepoint \"{name}\" does not exist")))
    }
}

/// Returns the command of a statement that cannot run inside a transaction block or a function, as PostgreSQL's error names it.
pub fn refuses_transaction(ast: &Ast) -> Option<SmolStr> {
    match ast {
        Ast::CreateIndex(create) => create.concurrently.map(|_| "CREATE INDEX CONCURRENTLY".into()),
        Ast::Drop(drop) => match drop.kind {
            ObjectKind::Index => drop.concurrently.then(|| "DROP INDEX CONCURRENTLY".into()),
            ObjectKind::Database => Some("DROP DATABASE".into()),
            ObjectKind::Tablespace => Some("DROP TABLESPACE".into()),
            _ => None,
        },
        Ast::CreateOther { kind: ObjectKind::Database, .. } => Some("CREATE DATABASE".into()),
        Ast::CreateOther { kind: ObjectKind::Tablespace, .. } => Some("CREATE TABLESPACE".into()),
        Ast::AlterTable(alter) => {
            let detaches = |action: &AlterAction| matches!(action, AlterAction::DetachPartition { concurrently: true, .. });
            alter.actions.iter().any(|(_, action)| detaches(action)).then(|| "ALTER TABLE ... DETACH CONCURRENTLY".into())
        }
        Ast::OutsideTransaction { head, .. } => Some(head.clone()),
        _ => None,
    }
}
