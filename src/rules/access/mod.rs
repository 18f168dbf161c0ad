//! Who gets at what past row level security: functions and views that run with their owner's rights.

mod argument;
pub mod definer_search_path;
pub mod definer_trusts_argument;
mod path;
mod shown;
pub mod view_bypasses_rls;
