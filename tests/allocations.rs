//! The cost of a call with a cached token, measured in allocations and not in time.

mod support;

use azure_core::credentials::TokenCredential;
use futures::FutureExt;
use support::{ARM, STORAGE, World};

#[test]
fn a_cached_call_makes_two_allocations_and_one_of_them_is_the_token() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let world = World::new();
    let credential = world.credential();
    for scope in [ARM, STORAGE] {
        runtime
            .block_on(credential.get_token(&[scope], None))
            .unwrap();
        let mut length = 0;
        let counted = allocation_counter::measure(|| {
            let token = credential.get_token(&[scope], None).now_or_never();
            length = token.unwrap().unwrap().token.secret().len();
        });
        // The future that the trait boxes, and the copy of the token.
        assert_eq!(counted.count_total, 2, "{counted:?}");
        // glibc's allocator is four times slower above 1 KB, and every call allocates the future.
        let future = counted.bytes_total as usize - length;
        assert!(future <= 256, "the boxed future has {future} bytes");
    }
}
