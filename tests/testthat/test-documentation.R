test_that("every export is documented with an example, and everything documented is exported", {
  folder <- c(file.path("..", "..", "man"), file.path("..", "..", "00_pkg_src", "tandemlab", "man"))
  folder <- folder[dir.exists(folder)]
  pages <- if (length(folder) > 0) {
    lapply(list.files(folder[[1]], "[.]Rd$", full.names = TRUE), tools::parse_Rd)
  } else {
    tools::Rd_db("tandemlab")
  }
  skip_if(length(pages) == 0, "the package is installed without help pages")
  part <- function(page, tag) {
    tags <- vapply(page, attr, "", "Rd_tag")
    vapply(page[tags == tag], function(found) trimws(paste(unlist(found), collapse = "")), "")
  }
  topics <- lapply(pages, part, "\\alias")
  functions <- grep("[.]|[$]|-package$", unlist(topics), invert = TRUE, value = TRUE)
  grouped <- c("handles", "log_chart", "runs_frame", "tandemlab")
  exports <- grep("^[.]__", getNamespaceExports("tandemlab"), invert = TRUE, value = TRUE)
  expect_setequal(setdiff(functions, grouped), exports)
  for (page in pages[vapply(topics, function(found) any(found %in% exports), NA)]) {
    expect_length(part(page, "\\examples"), 1)
  }
})
