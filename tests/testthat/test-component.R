test_that("components are listed, have pages, and are steps", {
  skip_unless_ready()
  found <- list_components()
  row <- found[found$name == "split_data", ]
  expect_identical(row$outputs, "first (table), second (table)")
  expect_output(print(component_page("split_data")), "| `fraction` |", fixed = TRUE)
  expect_error(component_page("splitdata"), "did you mean", class = "tandemlab_error_invalid_input")

  rows <- command_step("true", "rows", outputs = c(rows = "table", n = "json"))
  data <- step_output(rows, "rows")
  expect_error(
    component_step("split", "split_data", list(fraction = 8), inputs = list(data = data)),
    "component.parameters.fraction",
    fixed = TRUE
  )
  expect_error(
    component_step("split", "split_data", inputs = list(data = step_output(rows, "n"))),
    "wants a table, and the output 'n' of 'rows' is a json"
  )
})
