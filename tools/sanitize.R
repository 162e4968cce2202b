# Rscript tools/sanitize.R FILE.R ...: see tools/sanitize, which starts it.

library(tandemlab)
for (file in commandArgs(trailingOnly = TRUE)) {
  if (grepl("^test-.*[.]R$", basename(file))) {
    testthat::test_file(
      file,
      package = "tandemlab", load_package = "installed", reporter = "check",
      stop_on_failure = TRUE
    )
  } else {
    source(file, local = new.env())
  }
}
