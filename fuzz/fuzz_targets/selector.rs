#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| istio_iptables_fuzz::selector(data));
