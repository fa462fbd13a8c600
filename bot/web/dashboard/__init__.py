"""The dashboard: one page, its styles and ES modules, and the chart library, served as they are.

No build step and nothing from elsewhere: the page works on a machine without a network. All it knows it asks the
API for.
"""

from bot.web.dashboard.pages import routes

__all__ = ["routes"]
