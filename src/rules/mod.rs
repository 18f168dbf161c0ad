//! Stands in for the list of rules.

use crate::finding::{Category, Severity};

#[derive(Debug)]
pub struct Rule {
    pub id: &'static str,
    pub category: Category,
    pub severity: Severity,
    pub page: &'static str,
    pub fixable: bool,
}

pub static ALL: &[Rule] = &[
    Rule {
        id: "rls/bare-auth-call",
        category: Category::Performance,
        severity: Severity::Warn,
        page: "# Auth call runs for every row\n\nA policy calls `auth.uid()` bare, so PostgreSQL runs it for every row. \
               It can be a subselect.\n\n## Why\n\nOnce per row is slow.\n\n## Example\n\n```sql bad\ncreate policy p on t using (auth.uid() = id);\n```\n\n\
               ## See also\n\n- Supabase advisor: `auth_rls_initplan`\n- [pgrls](https://pypi.org/project/pgrls): PERF001\n",
        fixable: true,
    },
    Rule {
        id: "rls/disabled",
        category: Category::Security,
        severity: Severity::Error,
        page: "# Exposed table without row level security\n\nA table that the API exposes has no row level security.\n",
        fixable: true,
    },
];
