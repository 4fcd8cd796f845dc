//! How much heap each of many tenants takes, beside its token.
//!
//! It has a program of its own, because counting the allocations slows down everything else, above all
//! on several threads.

#[path = "support/contestants.rs"]
mod contestants;

use azure_core::credentials::TokenCredential;
use contestants::{SCOPE, one_thread, ours, tenant, upstream};
use futures::future::join_all;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    const TENANTS: usize = 10_000;
    let runtime = one_thread();
    let credential = ours(upstream::client_options());
    let per_tenant = |credentials: usize| {
        let region = Region::new(ALLOCATOR);
        let all: Vec<_> = runtime.block_on(join_all((0..TENANTS).map(|number| {
            let credential = credential
                .for_tenant(&tenant(credentials + number))
                .expect("a tenant");
            async move {
                credential.get_token(&[SCOPE], None).await.expect("a token");
                credential
            }
        })));
        let change = region.change();
        let held = change.bytes_allocated as i64 - change.bytes_deallocated as i64;
        drop(all);
        held as f64 / TENANTS as f64 - upstream::TOKEN_LENGTH as f64
    };
    // The first one fills the allocator's and the runtime's own stores.
    per_tenant(1);
    println!(
        "heap, 10,000 tenants by for_tenant: {:.0} bytes each beside the token",
        per_tenant(1 + TENANTS)
    );
}
