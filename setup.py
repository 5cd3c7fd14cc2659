"""What the wheel holds beside `vtkeras/`: two folders of the repository become packages inside it."""

from setuptools import find_packages, setup

INSIDE = {"vtkeras.dashboards": "dashboards", "vtkeras.saved_models": "saved_models"}

setup(
    packages=[*find_packages(include=["vtkeras*"]), *INSIDE],
    package_dir=INSIDE,
    package_data={"vtkeras": ["configs/*.yaml"], **dict.fromkeys(INSIDE, ["**/*", ".streamlit/*"])},
    exclude_package_data={"": ["*.pyc"]},
)
