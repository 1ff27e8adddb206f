
ByJ0j nЅЮГЊ©–mr­suНvжkzж…Эq†ЎгКШn‚suvЗЄw‹дl‘„ХЭвpЗ„