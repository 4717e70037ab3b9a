//! What sprig has and an injection template must not call. The names are known, so that a template which never calls them
//! parses.

use super::failure;
use crate::template::{Functions, Type};

const RANDOM: &str = "its result is random, and the same pod has to be injected the same way each time";
const CLOCK: &str =
    "it depends on the clock or the time zone, and the same pod has to be injected the same way each time";
const NETWORK: &str = "it asks the network, and injection does not";
const PROCESS: &str = "it reads the injector's environment; use Istio's (env NAME DEFAULT)";
const SECRETS: &str = "it makes or handles secrets, which do not belong in a pod's specification";

/// Names, and why they are refused.
const REFUSED: [(&str, &[&str]); 5] = [
    (RANDOM, &["randAlphaNum", "randAlpha", "randAscii", "randNumeric", "randBytes", "randInt", "shuffle", "uuidv4"]),
    (
        CLOCK,
        &[
            "ago",
            "date",
            "date_in_zone",
            "date_modify",
            "dateInZone",
            "dateModify",
            "htmlDate",
            "htmlDateInZone",
            "must_date_modify",
            "mustDateModify",
            "mustToDate",
            "now",
            "toDate",
            "unixEpoch",
        ],
    ),
    (NETWORK, &["getHostByName"]),
    (PROCESS, &["env", "expandenv"]),
    (
        SECRETS,
        &[
            "bcrypt",
            "htpasswd",
            "genPrivateKey",
            "derivePassword",
            "buildCustomCert",
            "genCA",
            "genCAWithKey",
            "genSelfSignedCert",
            "genSelfSignedCertWithKey",
            "genSignedCert",
            "genSignedCertWithKey",
            "encryptAES",
            "decryptAES",
        ],
    ),
];

pub fn add(f: &mut Functions) {
    for (reason, names) in REFUSED {
        for name in names {
            f.add_variadic(name, &[], Type::Any, move |_| {
                failure(format!("{name} is not available in templates: {reason}"))
            });
        }
    }
}
