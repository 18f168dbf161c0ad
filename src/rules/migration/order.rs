//! Migrations run once each, in the order of their file names.

use crate::rules::prelude::*;

rule!("migration/order", Migration, Error, Schema(check));

fn check(_cx: &mut Cx) {}
