//! Command lines at random: every flag that makes rules, in all combinations that are valid together.

/// A generator of numbers: xorshift64*, whose seed is printed where a test fails.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 11) % end
    }

    /// True once in `times`.
    pub fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    pub fn pick<'a>(&mut self, items: &[&'a str]) -> &'a str {
        items[self.below(items.len() as u64) as usize]
    }

    /// Some of these, in their order, as a list.
    fn some(&mut self, items: &[&str]) -> String {
        items.iter().filter(|_| self.one_in(3)).copied().collect::<Vec<_>>().join(",")
    }
}

const PORTS: &[&str] = &["80", "443", "8080", "0", "65535", "9000:9010", "20-30", "15020", "1:65535"];
const RANGES: &[&str] =
    &["10.0.0.0/8", "10.1.2.3/16", "192.168.1.1/32", "0.0.0.0/0", "127.1.0.0/16", "fd00::/8", "2001:db8::7/64", "::/0"];
const EXCLUDED: &[&str] = &["10.9.0.0/16", "172.16.0.1/12", "1.2.3.4/32", "fd00:9::/32", "::1/128"];
const OWNERS: &[&str] = &["1337", "0", "2000-3000", "4294967294", "101"];

/// A command line.
pub fn flags(dice: &mut Dice) -> Vec<String> {
    let mut flags: Vec<String> = Vec::new();
    let mut add = |name: &str, value: String| flags.extend([name.to_owned(), value]);
    add("--ip-families", dice.pick(&["ipv4", "dual", "dual"]).to_owned());
    add("-b", if dice.one_in(2) { "*".to_owned() } else { dice.some(PORTS) });
    add("-d", dice.some(PORTS));
    add("-i", if dice.one_in(2) { "*".to_owned() } else { dice.some(RANGES) });
    add("-x", dice.some(EXCLUDED));
    add("-q", dice.some(PORTS));
    add("-o", dice.some(PORTS));
    if dice.one_in(3) {
        add("-c", dice.some(&["eth1", "net+", "a.b-c_d"]));
        add("-k", dice.some(&["vm0", "tap+"]));
    }
    if dice.one_in(3) {
        add("-m", "TPROXY".to_owned());
        add("-t", dice.pick(&["1337", "0x10", "4294967295"]).to_owned());
        add("-r", dice.pick(&["133", "7", "100000"]).to_owned());
    }
    if dice.one_in(2) {
        add("-u", dice.some(OWNERS));
        add("-g", dice.some(OWNERS));
    }
    if dice.one_in(3) {
        add("-p", "15101".to_owned());
        add("-z", "15106".to_owned());
        add("-e", "15108".to_owned());
    }
    for (name, chance) in [("--redirect-dns", 2), ("--capture-all-dns", 2), ("--drop-invalid", 3)] {
        flags.extend(dice.one_in(chance).then(|| name.to_owned()));
    }
    flags
}

/// The environment of a command line.
pub fn environment(dice: &mut Dice) -> Vec<(String, String)> {
    let mut variables = Vec::new();
    let mut add = |name: &str, value: String| variables.push((name.to_owned(), value));
    if dice.one_in(4) {
        add("ISTIO_OUTBOUND_OWNER_GROUPS", if dice.one_in(2) { "*".to_owned() } else { dice.some(OWNERS) });
        add("ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE", dice.some(OWNERS));
    }
    if dice.one_in(5) {
        add("ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR", "127.0.0.0/8".to_owned());
    }
    variables
}
