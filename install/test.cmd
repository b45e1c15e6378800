@echo off
where py >nul 2>nul
if errorlevel 1 goto python
py -3 "%~dp0mattelier_setup.py" test %*
exit /b
:python
python "%~dp0mattelier_setup.py" test %*
