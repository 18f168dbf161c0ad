//! Queries that wait for each other without need.

use crate::rules::prelude::*;

rule!("query/sequential-awaits", Performance, Info, Schema(check));

fn check(_: &mut Cx) {}
