#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cross_tenant_identity::fuzzing::wait_asked_for(data));
