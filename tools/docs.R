# Rscript tools/docs.R MAN SITE: R's help pages in the folder MAN as HTML in SITE, with an index.

arguments <- commandArgs(trailingOnly = TRUE)
man <- arguments[[1]]
site <- arguments[[2]]
dir.create(site, recursive = TRUE, showWarnings = FALSE)

escape <- function(text) {
  gsub("<", "&lt;", gsub("&", "&amp;", text, fixed = TRUE), fixed = TRUE)
}

# The text of one section of a page, such as its title.
section <- function(page, tag) {
  tags <- vapply(page, attr, "", "Rd_tag")
  trimws(paste(unlist(page[tags == paste0("\\", tag)][1]), collapse = ""))
}

aliases <- function(page) {
  tags <- vapply(page, attr, "", "Rd_tag")
  vapply(page[tags == "\\alias"], function(alias) trimws(paste(unlist(alias), collapse = "")), "")
}

files <- list.files(man, "[.]Rd$", full.names = TRUE)
pages <- lapply(files, tools::parse_Rd)
names(pages) <- sub("[.]Rd$", ".html", basename(files))

# Links between the pages go to the page that documents the name.
links <- unlist(lapply(names(pages), function(page) {
  topics <- aliases(pages[[page]])
  stats::setNames(rep(page, length(topics)), topics)
}))

for (page in names(pages)) {
  # The warnings are about links to other packages, which have no pages here.
  suppressWarnings(tools::Rd2HTML(
    pages[[page]], file.path(site, page),
    package = "tandemlab", Links = links, Links2 = character(), stylesheet = "R.css"
  ))
}
style <- file.path(R.home("doc"), "html", "R.css")
if (file.exists(style)) invisible(file.copy(style, site, overwrite = TRUE))

entries <- vapply(names(pages), function(page) {
  sprintf(
    "<tr><td><a href=\"%s\">%s</a></td><td>%s</td></tr>",
    page, escape(section(pages[[page]], "name")), escape(section(pages[[page]], "title"))
  )
}, "")
writeLines(
  c(
    "<!doctype html>", "<meta charset=\"utf-8\">", "<title>tandemlab: R reference</title>",
    "<link rel=\"stylesheet\" href=\"R.css\">", "<h1>tandemlab: R reference</h1>", "<table>",
    entries, "</table>"
  ),
  file.path(site, "index.html")
)
