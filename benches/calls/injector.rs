//! What `kube-inject` costs as a process, with the built-in configuration.

use std::fs;
use std::path::Path;

use crate::Result;
use crate::cases::{Prepared, Target};
use crate::namespace::FILES;
use crate::programs::Program;

/// The rows: files with this many Deployments, and with a pod of this many environment variables.
pub fn rows(injector: &Path) -> Result<impl Iterator<Item = Prepared>> {
    let start = Program::named("true", &[])?;
    let row = |name: &str, text: &str, milliseconds| {
        let file = Path::new(FILES).join(format!("{}.yaml", name.replace(' ', "-")));
        fs::write(&file, text)?;
        Ok::<_, Box<dyn std::error::Error>>(Prepared {
            name: format!("kube-inject, {name}"),
            before: Vec::new(),
            ours: Program::at(injector, &["kube-inject", "-f", &file.display().to_string()]),
            bare: Some((vec![vec![start.clone()]], "true")),
            runs_programs: false,
            target: Target { ratio: None, milliseconds, kib: None },
        })
    };
    let many = (0..1_000).map(|number| deployment(number, 0)).collect::<String>();
    Ok([
        row("1 Deployment", &deployment(0, 0), Some(10.0))?,
        row("1,000 Deployments", &many, None)?,
        row("2,000 environment variables", &deployment(0, 2_000), None)?,
    ]
    .into_iter())
}

fn deployment(number: usize, variables: usize) -> String {
    let variables = (0..variables).map(|i| format!("        - {{name: VARIABLE_{i}, value: \"{i}\"}}\n"));
    let environment = variables.fold(String::new(), |text, variable| text + &variable);
    let environment = if environment.is_empty() { environment } else { format!("        env:\n{environment}") };
    format!(
        "---\n\
         apiVersion: apps/v1\n\
         kind: Deployment\n\
         metadata: {{name: web-{number}}}\n\
         spec:\n  \
           selector: {{matchLabels: {{app: web-{number}}}}}\n  \
           template:\n    \
             metadata: {{labels: {{app: web-{number}}}}}\n    \
             spec:\n      \
               containers:\n      \
               - name: web\n        \
                 image: registry.example/web:1.0\n        \
                 ports: [{{name: http, containerPort: 8080}}]\n{environment}"
    )
}
