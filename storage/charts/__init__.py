"""Charts in HTML files that open without a network, drawn by the chart library that the dashboard uses too."""
