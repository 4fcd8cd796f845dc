//! The map that readers use without a lock, and the list of tenants on top of it.

use crate::{
    authority::{ClientId, TenantId},
    snapshot::{Named, SnapshotMap},
    tenants::{Tenant, Tenants},
};
use shuttle::thread;
use std::sync::{Arc, Mutex, PoisonError};

struct Entry(String);

impl Named for Entry {
    fn name(&self) -> &str {
        &self.0
    }
}

fn put(map: &SnapshotMap<Entry>, name: &str) {
    map.update(name, |_| Some(Arc::new(Entry(name.to_owned()))));
}

fn has(map: &SnapshotMap<Entry>, name: &str) -> bool {
    map.with(name, |_| ()).is_some()
}

pub(super) fn writers_lose_nothing_and_readers_see_what_stays() {
    let map = Arc::new(SnapshotMap::<Entry>::default());
    put(&map, "always");
    let writers = ["a", "b", "c"].map(|writer| {
        let map = Arc::clone(&map);
        thread::spawn(move || {
            let names = [1, 2].map(|number| format!("{writer}{number}"));
            for name in &names {
                put(&map, name);
                assert!(has(&map, name) && has(&map, "always"));
            }
            map.remove_if(&names[0], |_| true);
            assert!(!has(&map, &names[0]) && has(&map, &names[1]));
        })
    });
    for writer in writers {
        writer.join().expect("a writer");
    }
    for name in ["always", "a2", "b2", "c2"] {
        assert!(has(&map, name), "{name} is lost");
    }
    for name in ["a1", "b1", "c1"] {
        assert!(!has(&map, name), "{name} is there again");
    }
}

pub(super) fn a_tenant_is_there_once_for_all_who_hold_it() {
    let client_id = ClientId::parse("33333333-3333-4333-8333-333333333333").expect("an id");
    let tenants = Tenants::new(client_id);
    let held = Arc::new(Mutex::new(Vec::<Arc<Tenant>>::new()));
    let threads = [(); 3].map(|()| {
        let (tenants, held) = (Arc::clone(&tenants), Arc::clone(&held));
        thread::spawn(move || {
            for _ in 0..2 {
                let id = TenantId::parse("tenant.example").expect("an id");
                let tenant = tenants.tenant(id);
                {
                    // Not a lock of Shuttle's: it is no step of its own.
                    let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
                    for other in held.iter() {
                        assert!(Arc::ptr_eq(other, &tenant), "two tenants of one id");
                    }
                    held.push(Arc::clone(&tenant));
                }
                thread::yield_now();
                let mine = {
                    let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
                    held.pop()
                };
                drop(tenant);
                thread::yield_now();
                drop(mine);
            }
        })
    });
    for thread in threads {
        thread.join().expect("a thread");
    }
    let rest = format!("{tenants:?}");
    assert!(rest.contains("entries: 0"), "{rest}");
}
