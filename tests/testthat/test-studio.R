test_that("open_studio() starts a server and gives the workspace's address", {
  ws <- temp_workspace()
  root <- .subset2(ws, "path")
  withr::defer(system2("kill", jsonlite::read_json(
    file.path(root, ".tandemlab", "server", "server.json")
  )$pid))
  url <- open_studio(ws, browse = FALSE)
  expect_match(url, "^http://127\\.0\\.0\\.1:[0-9]+/studio/[^/]+/$")
  expect_identical(attr(url, "link"), as.character(url))
  page <- paste(suppressWarnings(readLines(url)), collapse = "\n")
  expect_match(page, "<div id=\"root\">", fixed = TRUE)

  create_server_token("ana", root = ws)
  again <- open_studio(ws, browse = FALSE)
  expect_identical(as.character(again), as.character(url))
  expect_match(attr(again, "link"), "/login\\?ticket=")

  opened <- NULL
  withr::local_options(browser = function(url) opened <<- url)
  expect_invisible(open_studio(ws, browse = TRUE))
  expect_match(opened, "/login\\?ticket=")
})

test_that("open_studio() refuses what is no workspace", {
  expect_error(open_studio("lab"), class = "tandemlab_error_invalid_input")
  expect_error(open_studio(browse = NA), class = "tandemlab_error_invalid_input")
})
