//! The images of the tests and of the demo.

use std::path::Path;

use crate::Image;

/// The image of the application: busybox, which serves a page.
pub const APPLICATION: &str = "test/application:1";

/// The port that the application serves.
pub const PORT: u16 = 8080;

/// What the application answers.
pub const GREETING: &str = "hello from the application";

/// The image of the proxy in the injector's built-in configuration.
const PROXY: &str = "envoyproxy/envoy:distroless-v1.35.3";

/// The image of the init container in the injector's built-in configuration.
const INIT: &str = "istio-iptables:0.1.0";

/// The application.
pub fn application() -> Image {
    let page = format!("{GREETING}\n");
    let image = Image::new(APPLICATION).program(Path::new("/bin/busybox"));
    let serve = ["/busybox", "httpd", "-f", "-v", "-p", "8080", "-h", "/www"];
    image.file(Path::new("/www/index.html"), page.as_bytes()).entry_point(&serve)
}

/// The proxy: an Envoy of this machine.
pub fn proxy(envoy: &Path) -> Image {
    let path = "/usr/local/bin/envoy";
    Image::new(PROXY).copy(envoy, Path::new(path)).libraries(envoy).entry_point(&[path])
}

/// The init program, in what an image of it holds.
pub fn init(folder: &Path) -> Image {
    Image::new(INIT).folder(folder).entry_point(&["/usr/local/bin/istio-iptables"])
}
