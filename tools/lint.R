# Lints every R file of the repository by the rules of .lintr.

lints <- c(
  lintr::lint_package("."),
  if (dir.exists("examples")) lintr::lint_dir("examples"),
  if (dir.exists("tools")) lintr::lint_dir("tools")
)
for (lint in lints) print(lint)
quit(status = as.integer(length(lints) > 0))
